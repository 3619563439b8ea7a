import type { ExecEvent, VmId } from "@bandsox/contract";
import { nanoid } from "nanoid";
import type { EventLog } from "../store/event-log.ts";

const SHOWN_CHARACTERS = 256;

/** A command's events as they are, its beginning and its end written down in the storage. */
export async function* told(
  output: AsyncIterable<ExecEvent>,
  { events, vmId, argv }: { events: EventLog; vmId: VmId; argv: readonly string[] },
): AsyncGenerator<ExecEvent, void, undefined> {
  const execId = nanoid();
  const begun = performance.now();
  let exitCode: number | undefined;
  events.appendSoon({ type: "exec.started", vmId, details: { execId, command: commandText(argv) } });
  try {
    for await (const event of output) {
      if (event.type === "exit") exitCode = event.exitCode;
      yield event;
    }
  } finally {
    const ended = { execId, durationMs: Math.round(performance.now() - begun) };
    const details = exitCode === undefined ? ended : { ...ended, exitCode };
    events.appendSoon({ type: "exec.ended", vmId, details });
  }
}

/** A command as it is shown: on one line, and not all of a long one. */
export function commandText(argv: readonly string[]): string {
  return argv.join(" ").slice(0, SHOWN_CHARACTERS);
}

/** A command's events as they are; what they end with, if it is an error, is explained. */
export async function* explaining(
  output: AsyncIterable<ExecEvent>,
  explain: (error: unknown) => Promise<unknown>,
): AsyncGenerator<ExecEvent, void, undefined> {
  try {
    yield* output;
  } catch (error) {
    throw await explain(error);
  }
}
