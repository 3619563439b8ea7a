/** The longest a timer can be set for. */
const TIMER_MAX_MS = 2_147_483_647;

/**
 * When a call to a guest must be over: when its caller says so, or after a time of ours. The time runs while the
 * guest is waited for and stands still while the caller is busy with what came, so a slow reader is not taken for a
 * silent guest, and a guest that dribbles gains nothing.
 */
export class CallLimit implements Disposable {
  /** Fires for either reason */
  readonly signal: AbortSignal;
  readonly #over = new AbortController();
  readonly #caller: AbortSignal | undefined;
  // Joined by hand: `AbortSignal.any` costs more than the rest of a small call.
  readonly #onCaller = () => this.#over.abort(this.#caller?.reason);
  #isLate = false;
  #leftMs: number | undefined;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(caller: AbortSignal | undefined, limitMs?: number) {
    this.signal = this.#over.signal;
    this.#caller = caller;
    this.#leftMs = limitMs;
    caller?.addEventListener("abort", this.#onCaller, { once: true });
    if (caller?.aborted) this.#onCaller();
    this.resume();
  }

  /** Whether it was our time that ran out, and not the caller who asked, with whatever reason. */
  get isLate(): boolean {
    return this.#isLate;
  }

  pause(): void {
    if (this.#timer === undefined || this.#leftMs === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#since));
  }

  resume(): void {
    if (this.#leftMs === undefined || this.#timer !== undefined) return;
    this.#since = performance.now();
    const onLate = () => {
      this.#isLate = !this.signal.aborted;
      this.#over.abort();
    };
    this.#timer = setTimeout(onLate, Math.min(this.#leftMs, TIMER_MAX_MS));
  }

  /** Nothing ends the call any more, not even its caller. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = undefined;
    this.#caller?.removeEventListener("abort", this.#onCaller);
  }
}

/** What `work` gives, unless the signal fires first; what it gives then is handed to `discard`. */
export function unlessAborted<T>(
  signal: AbortSignal,
  work: Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason);
      work.then(discard, () => {}); // its own failure is of no use to anybody any more
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const done = () => signal.removeEventListener("abort", onAbort);
    work.then(resolve, reject).finally(done);
  });
}
