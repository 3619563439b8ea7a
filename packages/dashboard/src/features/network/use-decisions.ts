import type { NetworkDecision } from "@bandsox/contract";
import { useEffect, useState } from "react";
import { parseLines } from "../../api/ndjson.ts";
import { server } from "../../api/server.ts";
import { backoffMs } from "../../live/backoff.ts";

const SHOWN_MAX = 300;
const TOGETHER_MS = 100;

/** What was decided about a guest's connections and goes on to be, the newest first. */
export function useDecisions(vmId: string): { decisions: readonly NetworkDecision[]; error: unknown } {
  const [decisions, setDecisions] = useState<readonly NetworkDecision[]>([]);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const leaving = new AbortController();
    const show = (some: readonly NetworkDecision[]) => {
      setError(undefined);
      setDecisions((known) => [...some.toReversed(), ...known].slice(0, SHOWN_MAX));
    };
    void follow(vmId, { signal: leaving.signal, show, restart: () => setDecisions([]), fail: setError });
    return () => leaving.abort();
  }, [vmId]);
  return { decisions, error };
}

interface Following {
  readonly signal: AbortSignal;
  readonly show: (some: readonly NetworkDecision[]) => void;
  /** Called before all of it is told again */
  readonly restart: () => void;
  readonly fail: (error: unknown) => void;
}

async function follow(vmId: string, { signal, show, restart, fail }: Following): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    let waiting: NetworkDecision[] = [];
    const flush = () => {
      if (waiting.length > 0) show(waiting.slice(-SHOWN_MAX));
      waiting = [];
    };
    const timer = setInterval(flush, TOGETHER_MS);
    try {
      const call = { params: { id: vmId }, query: { follow: "1" as const }, signal, timeoutMs: 0 };
      const { body } = await server.open("GET /api/vms/:id/network/decisions", call);
      restart();
      if (body) for await (const decision of parseLines<NetworkDecision>(body)) waiting.push(decision);
      failures = 0;
    } catch (error) {
      if (!signal.aborted) fail(error);
    } finally {
      clearInterval(timer);
      if (!signal.aborted) flush();
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, backoffMs(failures + 1)));
  }
}
