import type { SessionEvent } from "./session.ts";
import { TerminalQuestions } from "./terminal-questions.ts";

/**
 * What a terminal's view shows of its session. What was printed before the offset `liveFrom` was seen by another view,
 * and comes without the questions that one's terminal has answered.
 */
export class TerminalReplay {
  readonly #questions = new TerminalQuestions();
  readonly #liveFrom: number;

  constructor(liveFrom: number) {
    this.#liveFrom = liveFrom;
  }

  /** @returns what is to be shown of output that begins at an offset; it may be nothing */
  shown(data: Uint8Array, offset: number): Uint8Array {
    const old = data.subarray(0, Math.max(0, this.#liveFrom - offset));
    const replayed = this.#questions.without(old);
    if (old.length === data.length) return replayed;
    const begun = this.#questions.rest();
    if (replayed.length === 0 && begun.length === 0) return data.subarray(old.length);
    return Uint8Array.from([...replayed, ...begun, ...data.subarray(old.length)]);
  }
}

/** {@link TerminalReplay} of events. What fell out of the journal is behind: a screen is made anew by what comes. */
export async function* terminalOutput(
  events: AsyncIterable<SessionEvent>,
  liveFrom: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const replay = new TerminalReplay(liveFrom);
  for await (const event of events) {
    if (event.type !== "stdout") continue;
    const shown = replay.shown(event.data, event.offset);
    if (shown.length > 0) yield shown;
  }
}
