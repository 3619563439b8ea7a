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
  readonly #late = new AbortController();
  #leftMs: number | undefined;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(caller: AbortSignal | undefined, limitMs?: number) {
    this.signal = AbortSignal.any(caller ? [this.#late.signal, caller] : [this.#late.signal]);
    this.#leftMs = limitMs;
    this.resume();
  }

  /** Whether it was our time that ran out, and not the caller who asked, with whatever reason. */
  get isLate(): boolean {
    return this.signal.aborted && this.signal.reason === this.#late.signal.reason;
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
    this.#timer = setTimeout(() => this.#late.abort(), Math.min(this.#leftMs, TIMER_MAX_MS));
  }

  /** What `work` gives, unless the limit comes first; what it gives then is handed to `discard`. */
  async race<T>(work: Promise<T>, discard: (late: T) => void): Promise<T> {
    const over = Promise.withResolvers<never>();
    const onAbort = () => over.reject(this.signal.reason);
    this.signal.addEventListener("abort", onAbort, { once: true });
    if (this.signal.aborted) onAbort();
    try {
      return await Promise.race([work, over.promise]);
    } catch (error) {
      work.then(discard, () => {}); // its own failure is of no use to anybody any more
      throw error;
    } finally {
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = undefined;
  }
}
