import { FrameError } from "./frames.ts";

/** How many bytes of stdin may be on their way beyond those the guest says are taken (PROTOCOL.md §4). */
const WINDOW_BYTES = 262_144;

/** How much stdin one connection may still send. */
export class StdinWindow {
  #sent = 0;
  #taken = 0;
  #room = Promise.withResolvers<void>();

  /** Resolves to how many of `wanted` bytes may be sent now, at least one; they count as sent. */
  async reserve(wanted: number): Promise<number> {
    while (this.#sent - this.#taken >= WINDOW_BYTES) await this.#room.promise;
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

  /** Nothing waits any more: what is sent now fails by itself. */
  abandon(): void {
    this.#taken = Number.POSITIVE_INFINITY;
    this.#release();
  }

  #release(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}
