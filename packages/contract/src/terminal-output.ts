import type { SessionEvent } from "./session.ts";
import { TerminalQuestions } from "./terminal-questions.ts";

/**
 * What a terminal's view shows of its session. What was printed before the offset `liveFrom` was seen by another view,
 * and comes without the questions that one's terminal has answered. What fell out of the journal is behind: a screen is
 * made anew by what comes.
 */
export async function* terminalOutput(
  events: AsyncIterable<SessionEvent>,
  liveFrom: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const questions = new TerminalQuestions();
  for await (const event of events) {
    if (event.type !== "stdout") continue;
    const { offset, data } = event;
    const old = data.subarray(0, Math.max(0, liveFrom - offset));
    const shown = questions.without(old);
    if (shown.length > 0) yield shown;
    if (old.length === data.length) continue;
    const begun = questions.rest();
    if (begun.length > 0) yield Uint8Array.from(begun);
    yield data.subarray(old.length);
  }
}
