import type { Problem, RouteKey, RouteResult } from "@bandsox/contract/api";
import { fromProblem, unreachable } from "./error.ts";
import { textOf } from "./streams.ts";
import type { CallInput, Transport } from "./transport.ts";

type Line = { type: "result"; result: unknown } | { type: "error"; error: Problem } | { type: string };

/** Makes a call that tells its progress: each line but the last goes to `onLine`, the last is the answer. */
export async function callWithProgress<K extends RouteKey>(
  transport: Transport,
  key: K,
  { onLine, ...input }: CallInput<K> & { readonly onLine: (line: Record<string, unknown>) => void },
): Promise<RouteResult<K>> {
  const call = { ...input, accept: "application/x-ndjson", timeoutMs: 0 } as unknown as CallInput<K>;
  let rest = "";
  for await (const text of textOf(transport, key, call)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line) as Line;
      if ("error" in event) throw fromProblem(event.error);
      if ("result" in event) return event.result as RouteResult<K>;
      onLine(event);
    }
  }
  throw unreachable(transport.url, "the answer ended before the work did");
}
