import { setTimeout as pause } from "node:timers/promises";
import { isBandSoxError } from "@bandsox/contract";
import { isLate } from "./failure.ts";

const ATTEMPTS_MAX = 6;
const FIRST_PAUSE_MS = 50;

/**
 * Counts attempts to reach a guest whose connection broke. Attempts are few and ever further apart; one that got
 * somewhere begins the count anew.
 */
export class Redial {
  readonly #attemptsMax: number;
  #failed = 0;

  constructor(attemptsMax = ATTEMPTS_MAX) {
    this.#attemptsMax = attemptsMax;
  }

  succeeded(): void {
    this.#failed = 0;
  }

  /** Waits until the next attempt. @throws `error` itself when another attempt makes no sense */
  async after(error: unknown, signal?: AbortSignal): Promise<void> {
    this.#failed++;
    if (!isBandSoxError(error, "guest_unreachable") || isLate(error) || this.#failed >= this.#attemptsMax)
      throw error;
    // An abort ends the pause early; the next attempt then says so in its own words.
    await pause(FIRST_PAUSE_MS * 2 ** (this.#failed - 1), undefined, signal ? { signal } : {}).catch(
      () => {},
    );
  }
}

/** Repeats work that may be done more than once, as long as it fails for want of a connection. */
export async function redialing<T>(
  work: () => Promise<T>,
  { signal, attemptsMax }: { signal?: AbortSignal | undefined; attemptsMax?: number } = {},
): Promise<T> {
  const redial = new Redial(attemptsMax);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await redial.after(error, signal);
    }
  }
}
