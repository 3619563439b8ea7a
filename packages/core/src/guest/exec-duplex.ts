import type { ExecEvent, ExecSpec } from "@bandsox/contract";
import { CallLimit } from "./call-limit.ts";
import { FrameDuplex } from "./duplex.ts";
import { EXEC_ID_HEADER, execLine } from "./exec-line.ts";
import { receiptBytes } from "./exec-receipts.ts";
import { execRefusals } from "./exec-refusals.ts";
import { explainFailure } from "./failure.ts";
import { FrameError } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { StdinFeed } from "./stdin-feed.ts";
import { type StdinInput, stdinSource } from "./stdin-source.ts";
import { StdinWindow } from "./stdin-window.ts";

/** Time beyond the command's own after which the guest is at fault */
const EXEC_SLACK_MS = 30_000;
const STDIN_HEADER = "x-exec-stdin";

/**
 * Runs a command that reads from the host, and yields what it does as it does it; the last event is `exit`. Leaving
 * the iteration early, `signal`, or a failure of the input kills the command's process group.
 *
 * @throws {BandSoxError} `exec_not_started`, `exec_busy`, `exec_failed`, `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function* execWithStdin(
  endpoint: GuestEndpoint,
  spec: ExecSpec,
  { stdin, signal }: { stdin: StdinInput; signal?: AbortSignal | undefined },
): AsyncGenerator<ExecEvent, void, undefined> {
  const { vmId } = endpoint;
  const { timeoutMs } = spec;
  using limit = new CallLimit(signal, timeoutMs === undefined ? undefined : timeoutMs + EXEC_SLACK_MS);
  using source = stdinSource(stdin);
  const window = new StdinWindow();
  const feed = new StdinFeed(source, window);
  const start = async (id: string) => {
    const duplex = await FrameDuplex.open(endpoint, {
      ...{ method: "POST", path: "/v1/exec", body: { ...spec, stdin: true }, signal: limit.signal, window },
      ...{ headers: { [EXEC_ID_HEADER]: id }, refusals: execRefusals(vmId, spec.argv) },
    });
    feed.over(duplex, 0);
    return connectionOf(duplex, duplex.headers[EXEC_ID_HEADER] === id);
  };
  let arrived = 0;
  const onResumed = (duplex: FrameDuplex) => {
    const received = receivedOf(duplex);
    window.resume(received);
    feed.over(duplex, received);
    const gotOn = received > arrived;
    arrived = received;
    return gotOn;
  };
  try {
    yield* execLine({
      endpoint,
      limit,
      start,
      duplex: { window },
      onResumed,
      failure: () => feed.failure,
    });
  } catch (error) {
    throw feed.failure ?? explainFailure(error, { vmId, limit });
  } finally {
    await feed.end();
  }
}

function connectionOf(duplex: FrameDuplex, isKept: boolean) {
  return {
    ...{ isKept, receiptBytes: receiptBytes(duplex.headers) },
    frames: () => duplex.frames(),
    [Symbol.dispose]: () => duplex[Symbol.dispose](),
  };
}

/** How much of its stdin the guest says has arrived. */
function receivedOf({ headers }: FrameDuplex): number {
  const said = headers[STDIN_HEADER];
  if (typeof said === "string" && /^\d{1,15}$/.test(said)) return Number(said);
  throw new FrameError("it does not tell how much of the command's stdin has arrived");
}
