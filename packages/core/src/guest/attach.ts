import { ExecExit, type SessionEvent, SessionGap, type SessionStream } from "@bandsox/contract";
import { FrameDuplex } from "./duplex.ts";
import { frameJson } from "./exec-event.ts";
import { explainFailure, guestUnreachable } from "./failure.ts";
import { FRAME_KINDS, type Frame, FrameError } from "./frames.ts";
import { Redial } from "./redial.ts";
import { type SessionAddress, sessionPath, sessionRefusals } from "./session-calls.ts";

/** Where an attachment stands in each stream. */
export type SessionOffsets = Record<SessionStream, number>;

/**
 * Yields what a session did from the given offsets on and what it goes on to do; the last event is `exit`. When the
 * connection breaks it is made again where it broke, so nothing is told twice or left out; what the guest no longer
 * has is told as a gap.
 *
 * @param address asked for at every attempt, so that a VM that is gone is noticed
 */
export async function* attachSession(
  address: () => Promise<SessionAddress>,
  { from, signal }: { from: SessionOffsets; signal?: AbortSignal | undefined },
): AsyncGenerator<SessionEvent, void, undefined> {
  const offsets = { ...from };
  const redial = new Redial();
  for (;;) {
    try {
      for await (const event of connection(await address(), { offsets, signal })) {
        redial.succeeded();
        yield event;
        if (event.type === "exit") return;
      }
    } catch (error) {
      await redial.after(error, signal);
    }
  }
}

/** One connection's events; moves the offsets as they are told. Ends with `exit` or throws. */
async function* connection(
  { endpoint, id }: SessionAddress,
  { offsets, signal }: { offsets: SessionOffsets; signal: AbortSignal | undefined },
): AsyncGenerator<SessionEvent, void, undefined> {
  const { vmId } = endpoint;
  using duplex = await FrameDuplex.open(endpoint, {
    method: "GET",
    path: sessionPath(id, `/attach?stdout=${offsets.stdout}&stderr=${offsets.stderr}`),
    signal,
    refusals: sessionRefusals(vmId, id),
  });
  for await (const frame of duplex.frames()) {
    const event = explaining(() => toSessionEvent(frame, offsets));
    yield event;
    if (event.type === "exit") return;
  }
  throw guestUnreachable(vmId, `the connection to session ${id} ended before the session did`);

  function explaining<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explainFailure(error, { vmId });
    }
  }
}

function toSessionEvent(frame: Frame, offsets: SessionOffsets): SessionEvent {
  if (frame.kind === FRAME_KINDS.exit) return { type: "exit", ...frameJson(frame, ExecExit, "exit") };
  if (frame.kind === FRAME_KINDS.gap) {
    const gap = frameJson(frame, SessionGap, "gap");
    if (gap.from !== offsets[gap.stream] || gap.to <= gap.from) {
      throw new FrameError(`a gap from ${gap.from} to ${gap.to} came at ${offsets[gap.stream]}`);
    }
    offsets[gap.stream] = gap.to;
    return { type: "gap", ...gap };
  }
  const type = frame.kind === FRAME_KINDS.stdout ? "stdout" : "stderr";
  const offset = offsets[type];
  offsets[type] += frame.data.length;
  return { type, offset, data: frame.data };
}
