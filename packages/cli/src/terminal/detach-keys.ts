const CTRL_P = 0x10;
const CTRL_Q = 0x11;
/** What a terminal puts around a paste for programs that ask for it */
const PASTE_BEGINS = bytes("\u001b[200~");
const PASTE_ENDS = bytes("\u001b[201~");

/**
 * Finds Ctrl-P Ctrl-Q in what is typed. A Ctrl-P is held back until the next key shows what was meant. In what is
 * marked as pasted no keys are looked for.
 */
export class DetachKeys {
  #isHeld = false;
  #isPaste = false;
  /** How much of the mark that would end or begin a paste has been seen */
  #marked = 0;

  /** @returns what to pass on, and whether the keys were pressed; what was typed after them is dropped */
  feed(typed: Uint8Array): { bytes: Uint8Array; isDetached: boolean } {
    // A paste is long: where there is nothing to find, nothing is copied.
    if (!this.#isHeld && !typed.includes(CTRL_P) && !this.#sees(typed))
      return { bytes: typed, isDetached: false };
    const passed = new Uint8Array(typed.length + 1);
    let length = 0;
    for (const key of typed) {
      if (this.#isHeld && key === CTRL_Q) return { bytes: passed.subarray(0, length), isDetached: true };
      if (this.#isHeld) passed[length++] = CTRL_P;
      this.#isHeld = key === CTRL_P && !this.#isPaste;
      if (!this.#isHeld) passed[length++] = key;
      this.#mark(key);
    }
    return { bytes: passed.subarray(0, length), isDetached: false };
  }

  #sees(typed: Uint8Array): boolean {
    return this.#marked > 0 || typed.includes(PASTE_BEGINS[0] ?? 0);
  }

  #mark(key: number): void {
    const mark = this.#isPaste ? PASTE_ENDS : PASTE_BEGINS;
    this.#marked = key === mark[this.#marked] ? this.#marked + 1 : Number(key === mark[0]);
    if (this.#marked < mark.length) return;
    this.#isPaste = !this.#isPaste;
    this.#marked = 0;
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
