const ESCAPE = 0x1b;
const SEQUENCE_MAX = 32;

/** Modes a program may leave set, each with what unsets it. */
const UNSET: Readonly<Record<string, string>> = {
  "?1": "\u001b[?1l", // cursor keys as an application wants them
  "?7": "\u001b[?7h", // lines wrap; unset is what is unusual
  "?25": "\u001b[?25h", // the cursor is shown
  "?47": "\u001b[?47l",
  "?1047": "\u001b[?1047l",
  "?1049": "\u001b[?1049l", // the alternate screen
  "?1000": "\u001b[?1000l", // the mouse
  "?1002": "\u001b[?1002l",
  "?1003": "\u001b[?1003l",
  "?1006": "\u001b[?1006l",
  "?1004": "\u001b[?1004l", // focus
  "?2004": "\u001b[?2004l", // marked pastes
};
/** Modes that are set on a terminal nobody has changed. */
const USUALLY_SET = new Set(["?7", "?25"]);

/**
 * Follows what a program's output does to a terminal's modes, so that they can be put back when its user leaves it in
 * the middle of its work.
 */
export class ScreenModes {
  readonly #changed = new Set<string>();
  #keypad = false;
  #styled = false;
  #sequence: number[] | undefined;

  /** Looks at output that is shown; a sequence may be cut between two pieces. */
  feed(output: Uint8Array): void {
    if (!this.#sequence && !output.includes(ESCAPE)) return;
    for (const byte of output) this.#take(byte);
  }

  /** What is written to a terminal to have it as it was. */
  undo(): string {
    // The alternate screen last: leaving it brings back the cursor of before.
    const modes = [...this.#changed].sort((a, b) => Number(isScreen(a)) - Number(isScreen(b)));
    const undone = modes.map((mode) => UNSET[mode]).join("");
    return `${this.#styled ? "\u001b[0m" : ""}${this.#keypad ? "\u001b>" : ""}${undone}`;
  }

  #take(byte: number): void {
    if (byte === ESCAPE) {
      this.#sequence = [];
      return;
    }
    if (!this.#sequence) return;
    this.#sequence.push(byte);
    if (this.#sequence.length > SEQUENCE_MAX) this.#sequence = undefined;
    else if (isWhole(this.#sequence)) {
      this.#apply(String.fromCharCode(...this.#sequence));
      this.#sequence = undefined;
    }
  }

  #apply(sequence: string): void {
    if (sequence === "=" || sequence === ">") this.#keypad = sequence === "=";
    if (sequence === "c") this.#changed.clear();
    const style = /^\[([0-9;:]*)m$/.exec(sequence);
    if (style) this.#styled = !/^[0;]*$/.test(style[1] ?? "");
    const mode = /^\[\?([0-9;]+)([hl])$/.exec(sequence);
    for (const number of mode?.[1]?.split(";") ?? []) this.#set(`?${number}`, mode?.[2] === "h");
  }

  #set(mode: string, isSet: boolean): void {
    if (!(mode in UNSET)) return;
    if (isSet === USUALLY_SET.has(mode)) this.#changed.delete(mode);
    else this.#changed.add(mode);
  }
}

/** `ESC [ … letter`, or `ESC` and one character. */
function isWhole([first = 0, ...rest]: readonly number[]): boolean {
  if (first !== 0x5b) return true;
  const last = rest.at(-1);
  return last !== undefined && last >= 0x40 && last <= 0x7e;
}

function isScreen(mode: string): boolean {
  return ["?47", "?1047", "?1049"].includes(mode);
}
