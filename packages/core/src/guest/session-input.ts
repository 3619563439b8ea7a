/** Less than what the guest's HTTP server takes in of a body it refuses, so that a refusal always arrives. */
const WRITE_MAX_BYTES = 131_072;

/** Writes to one session's stdin in the order asked for, one call at a time; what waits meanwhile goes together. */
export class SessionInput {
  readonly #write: WriteInput;
  #waiting: Waiting | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(write: WriteInput) {
    this.#write = write;
  }

  /** Resolves when the command's pipe took the bytes. What one call could not write, later ones do not know of. */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#enqueue(bytes, { close: false, signal });
  }

  close(signal?: AbortSignal): Promise<void> {
    return this.#enqueue(new Uint8Array(0), { close: true, signal });
  }

  #enqueue(bytes: Uint8Array, { close, signal }: Omit<Waiting, "chunks" | "sent">): Promise<void> {
    if (this.#waiting && !this.#waiting.close && this.#waiting.signal === signal) {
      this.#waiting.chunks.push(bytes);
      this.#waiting.close = close;
      return this.#waiting.sent;
    }
    const waiting: Waiting = { chunks: [bytes], close, signal, sent: Promise.resolve() };
    this.#waiting = waiting;
    waiting.sent = this.#last.then(() => {
      if (this.#waiting === waiting) this.#waiting = undefined;
      return this.#send(waiting);
    });
    this.#last = waiting.sent.catch(() => {});
    return waiting.sent;
  }

  async #send({ chunks, close, signal }: Waiting): Promise<void> {
    const bytes = Buffer.concat(chunks);
    let offset = 0;
    do {
      const part = bytes.subarray(offset, offset + WRITE_MAX_BYTES);
      offset += part.length;
      const isLast = offset >= bytes.length;
      if (part.length > 0 || close) {
        await this.#write({ bytes: part, close: close && isLast, signal });
      }
    } while (offset < bytes.length);
  }
}

/** Hands one piece of input over, and closes the stdin after it if told to. */
type WriteInput = (input: {
  bytes: Uint8Array;
  close: boolean;
  signal: AbortSignal | undefined;
}) => Promise<void>;

interface Waiting {
  readonly chunks: Uint8Array[];
  close: boolean;
  readonly signal?: AbortSignal | undefined;
  sent: Promise<void>;
}
