const CTRL_P = 0x10;
const CTRL_Q = 0x11;

/** Finds Ctrl-P Ctrl-Q in what is typed. A Ctrl-P is held back until the next key shows what was meant. */
export class DetachKeys {
  #isHeld = false;

  /** @returns what to pass on, and whether the keys were pressed; what was typed after them is dropped */
  feed(typed: Uint8Array): { bytes: Uint8Array; isDetached: boolean } {
    const bytes: number[] = [];
    for (const key of typed) {
      if (this.#isHeld && key === CTRL_Q) return { bytes: Uint8Array.from(bytes), isDetached: true };
      if (this.#isHeld) bytes.push(CTRL_P);
      this.#isHeld = key === CTRL_P;
      if (!this.#isHeld) bytes.push(key);
    }
    return { bytes: Uint8Array.from(bytes), isDetached: false };
  }
}
