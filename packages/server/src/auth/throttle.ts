import { BandSoxError } from "@bandsox/contract";

const WINDOW_MS = 60_000;
const FAILURES_MAX = 10;
const ADDRESSES_MAX = 10_000;

/** Bounds how often an address may guess. Only failures count; what is old is forgotten. */
export class LoginThrottle {
  readonly #failures = new Map<string, number[]>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @throws {BandSoxError} `too_many_attempts` */
  assertMayTry(address: string): void {
    const recent = this.#recent(address);
    if (recent.length < FAILURES_MAX) return;
    const retryAfterMs = WINDOW_MS - (this.#now() - (recent[0] ?? 0));
    const message = `too many failed logins from ${address}`;
    throw new BandSoxError("too_many_attempts", message, { retryAfterMs });
  }

  /** A try counts from its begin, so that many at once are no way round. @returns what takes it back on success */
  attempt(address: string): () => void {
    const at = this.#now();
    const recent = [...this.#recent(address), at];
    this.#failures.delete(address); // what was used last is the last to be forgotten
    this.#failures.set(address, recent);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > ADDRESSES_MAX && oldest !== undefined) this.#failures.delete(oldest);
    return () => {
      const left = this.#recent(address).filter((time) => time !== at);
      if (left.length > 0) this.#failures.set(address, left);
      else this.#failures.delete(address);
    };
  }

  #recent(address: string): number[] {
    const since = this.#now() - WINDOW_MS;
    return (this.#failures.get(address) ?? []).filter((at) => at > since);
  }
}
