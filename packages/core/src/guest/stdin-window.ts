import { FrameError } from "./frames.ts";

/** How many bytes of stdin may be on their way beyond those the guest says are taken (PROTOCOL.md §4). */
const WINDOW_BYTES = 262_144;

/** How much stdin may still be sent, over one connection or over those that follow one another. */
export class StdinWindow {
  #sent = 0;
  #taken = 0;
  #isOpen = true;
  #room = Promise.withResolvers<void>();

  /** How many bytes the guest has taken, and nobody has to keep */
  get taken(): number {
    return this.#taken;
  }

  /** Resolves to how many of `wanted` bytes may be sent now, at least one; they count as sent. */
  async reserve(wanted: number): Promise<number> {
    while (this.#isOpen && this.#sent - this.#taken >= WINDOW_BYTES) await this.#room.promise;
    if (!this.#isOpen) return wanted;
    const granted = Math.min(wanted, WINDOW_BYTES - (this.#sent - this.#taken));
    this.#sent += granted;
    return granted;
  }

  /** What the guest says in a frame of kind `taken`. @throws {FrameError} when that cannot be */
  onTaken(data: Uint8Array): void {
    const total = data.length === 8 ? Number(Buffer.from(data).readBigUInt64BE()) : -1;
    if (total < this.#taken || total > this.#sent) {
      throw new FrameError(
        `${total} bytes of stdin cannot be taken: ${this.#taken} were, ${this.#sent} were sent`,
      );
    }
    this.#taken = total;
    this.#release();
  }

  /** The connection is gone, and nothing waits any more: what is sent now fails by itself. */
  abandon(): void {
    this.#isOpen = false;
    this.#release();
  }

  /** Goes on with another connection, on which the guest says how much has arrived. @throws {FrameError} */
  resume(received: number): void {
    if (!(received >= this.#taken && received <= this.#sent)) {
      const found = `${this.#taken} were taken, ${this.#sent} were sent`;
      throw new FrameError(`${received} bytes of stdin cannot have arrived: ${found}`);
    }
    this.#sent = received;
    this.#isOpen = true;
  }

  #release(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}
