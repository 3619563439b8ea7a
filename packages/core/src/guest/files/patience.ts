/** How long the guest may keep a transfer waiting before it counts as gone, in ms. */
export const STALL_MS = 60_000;

/**
 * Bounds how long the guest may keep us waiting, and only that: while the caller works, the clock stands still.
 * `signal` fires when the guest stalls (reason `TimeoutError`) or the caller's own signal does.
 */
export class Patience implements Disposable {
  readonly signal: AbortSignal;
  readonly #ms: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(ms: number, signal?: AbortSignal) {
    this.#ms = ms;
    this.signal = signal ? AbortSignal.any([this.#controller.signal, signal]) : this.#controller.signal;
  }

  /** Whether it was the guest that took too long, and not the caller who asked. */
  get isLate(): boolean {
    return this.signal.aborted && this.signal.reason === this.#controller.signal.reason;
  }

  /** It is the guest's turn. @param times how many spans it gets */
  wait(times = 1): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return; // what was to be sent came when nobody sends it any more
    const timeout = () =>
      this.#controller.abort(new DOMException("the guest did not answer in time", "TimeoutError"));
    this.#timer = setTimeout(timeout, this.#ms * times);
  }

  /** It is our turn. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Passes on what the guest sends, waiting for each piece no longer than allowed. */
  async *receiving<T>(pieces: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    this.wait();
    for await (const piece of pieces) {
      this.rest();
      yield piece;
      this.wait();
    }
    this.rest();
  }

  /** Passes on what the guest is sent; after the last piece it gets more time, to put everything on its disk. */
  async *sending<T>(pieces: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    this.rest();
    for await (const piece of pieces) {
      this.wait();
      yield piece;
      this.rest();
    }
    this.wait(SETTLE_SPANS);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

const SETTLE_SPANS = 10;
