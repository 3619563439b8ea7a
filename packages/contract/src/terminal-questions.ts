const ENQUIRY = 0x05;
const BELL = 0x07;
const CANCEL = 0x18;
const ESCAPE = 0x1b;
/** No question is longer. */
const QUESTION_MAX = 256;

/** What follows an escape and makes a terminal answer, as if its user typed. */
const QUESTIONS: readonly RegExp[] = [
  /^Z$/, // what are you
  /^\[[?>=]?[0-9;]*[cnx]$/, // what are you; where is the cursor, and other reports
  /^\[\??[0-9;]*\$p$/, // is this mode set
  /^\[>[0-9]*q$/, // your version
  /^\[\?u$/, // your keyboard's protocol
  /^\[(?:1[1-9]|2[01])(?:;[0-9]*)*t$/, // the window's place, size and title
  /^\][0-9]+;(?:.*;)?\?$/s, // a colour, the clipboard
  /^P[$+]q/, // a setting, a capability
];

/**
 * Takes out of a terminal's output the questions programs ask the terminal. They were answered when they were asked:
 * output that is shown again must not have a terminal type the answers to whatever runs by now.
 */
export class TerminalQuestions {
  /** What may turn out to be one, from its escape on */
  #held: number[] = [];

  /** @returns what is to be shown of the output; a sequence that is cut is kept until the rest of it comes */
  without(output: Uint8Array): Uint8Array {
    const shown = new Uint8Array(this.#held.length + output.length);
    let length = 0;
    const show = (bytes: readonly number[]) => {
      shown.set(bytes, length);
      length += bytes.length;
    };
    for (const byte of output) {
      const isInString = this.#held[1] === 0x5d || this.#held[1] === 0x50;
      if (byte === CANCEL || (byte === ESCAPE && !isInString)) show(this.rest()); // what was begun is void
      if (this.#held.length > 0 || byte === ESCAPE) this.#held.push(byte);
      else if (byte !== ENQUIRY) show([byte]);
      if (this.#held.length === 0) continue;
      if (this.#held.length > QUESTION_MAX) show(this.rest());
      else if (isWhole(this.#held)) show(this.#whole());
    }
    return shown.subarray(0, length);
  }

  /** What was kept because it might have gone on to be a question. */
  rest(): readonly number[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  #whole(): readonly number[] {
    const sequence = this.rest();
    const text = withoutEnd(String.fromCharCode(...sequence.slice(1)));
    return QUESTIONS.some((question) => question.test(text)) ? [] : sequence;
  }
}

/** `ESC [ … letter`, `ESC ] … BEL or ESC \`, `ESC P … ESC \`, or `ESC`, some in between, and a last character. */
function isWhole([, kind, ...rest]: readonly number[]): boolean {
  if (kind === undefined) return false;
  const last = rest.at(-1) ?? 0;
  if (kind === 0x5d || kind === 0x50)
    return (kind === 0x5d && last === BELL) || (last === 0x5c && rest.at(-2) === ESCAPE);
  if (kind === 0x5b) return last >= 0x40 && last <= 0x7e;
  return kind > 0x2f || last > 0x2f;
}

/** What a string sequence says: without `BEL`, or `ESC \`. */
function withoutEnd(text: string): string {
  if (text.endsWith("\u0007")) return text.slice(0, -1);
  return text.endsWith("\u001b\\") ? text.slice(0, -2) : text;
}
