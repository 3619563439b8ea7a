import { endFrame, frameData } from "./data-frames.ts";
import { newXxh64, type Xxh64 } from "./xxh64.ts";

/**
 * What is kept of that which was read: more than can be on its way to a guest at a time, which the connection's own flow
 * control bounds (2 MiB sent ahead here, a stream's window of 1 MiB, and buffers of sockets and of the agent)
 */
const KEPT_BYTES = 8 * 1024 * 1024;
/** For streams of which there is not more */
const FIRST_BYTES = 4096;
/** The most that is taken of the source at once */
const STEP_BYTES = 1024 * 1024;

/**
 * A stream that is framed for a guest, and again from where a broken connection ended, though it can be read only once:
 * what was read last is kept. Disposing ends the stream.
 */
export class Replay implements AsyncDisposable {
  #failure: { readonly error: unknown } | undefined;
  readonly #source: AsyncIterator<Uint8Array>;
  /** What has been read and not been taken yet */
  #rest: Uint8Array = new Uint8Array();
  readonly #kept = new Ring(KEPT_BYTES);
  #hash: Xxh64 | undefined;
  #hasEnded = false;
  #reading: Promise<void> | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** @throws why the stream could not be read, whichever connection waited for it then */
  demandSource(): void {
    if (this.#failure) throw this.#failure.error;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether the guest may have some of it */
  get hasBegun(): boolean {
    return this.#kept.end > 0;
  }

  /** Whether the stream can be framed again from a position. */
  reaches(position: number): boolean {
    const { end } = this.#kept;
    // A connection that does not know yet that it is over may take one step more.
    return position <= end && position >= Math.max(0, end - KEPT_BYTES + STEP_BYTES);
  }

  /** Data frames from a position that it reaches, and the end frame, which speaks of the whole. */
  async *frames(position: number): AsyncGenerator<Buffer, void, undefined> {
    this.#hash ??= await newXxh64();
    for (let at = position; ; ) {
      const data = this.#kept.from(at, STEP_BYTES);
      at += data.length; // and framed, which copies it, before anything else is done
      if (data.length > 0) yield* frameData(data);
      else if (this.#failure) throw this.#failure.error;
      else if (this.#hasEnded) return yield endFrame(at, this.#hash);
      else await this.#read(this.#hash);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#source.return?.();
    // A stream that is being waited for ends when it has something to say, which may be never.
    if (this.#reading) ended?.catch(() => {});
    else await ended;
  }

  /** Reads on, once for all connections that wait for it. */
  #read(hash: Xxh64): Promise<void> {
    this.#reading ??= this.#next(hash).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #next(hash: Xxh64): Promise<void> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#source.next().catch((error: unknown) => {
        this.#failure = { error };
        throw error;
      });
      if (done) this.#hasEnded = true;
      else this.#rest = value;
    }
    const step = this.#rest.subarray(0, STEP_BYTES);
    this.#rest = this.#rest.subarray(step.length);
    hash.update(step);
    this.#kept.add(step);
  }
}

/** The newest bytes of a stream. It takes the memory it needs and at most what it may keep. */
class Ring {
  end = 0;
  readonly #limit: number;
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param data no more than is kept */
  add(data: Uint8Array): void {
    while (this.end + data.length > this.#bytes.length && this.#bytes.length < this.#limit) {
      this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    }
    const place = this.end % this.#bytes.length;
    const first = Math.min(data.length, this.#bytes.length - place);
    this.#bytes.set(data.subarray(0, first), place);
    this.#bytes.set(data.subarray(first), 0);
    this.end += data.length;
  }

  /** Some bytes from a position on, until more are added; none at the end. @throws if they are not kept any more */
  from(position: number, most: number): Uint8Array {
    if (position < this.end - this.#bytes.length) throw new Error(`byte ${position} is not kept any more`);
    const place = position % this.#bytes.length;
    const length = Math.min(most, this.end - position, this.#bytes.length - place);
    return this.#bytes.subarray(place, place + length);
  }
}
