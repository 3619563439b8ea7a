import { type ErrorCode, isAnyBandSoxError } from "@bandsox/contract";

/** Attempts in a row that may end without any progress */
const FRUITLESS_MAX = 5;

/**
 * Repeats what a broken connection ended, over a new one each time, as long as it gets further. Nothing waits in
 * between: reaching the guest takes as long as the guest needs to be reachable.
 */
export function newAttempts(repeatable: readonly ErrorCode[], signal?: AbortSignal) {
  let best = -1;
  let fruitless = 0;
  return {
    /** @param progress how far the failed attempt came @throws the error when trying again is pointless */
    failed(error: unknown, progress: number): void {
      const worthIt = isAnyBandSoxError(error) && repeatable.includes(error.code) && !signal?.aborted;
      fruitless = progress > best ? 1 : fruitless + 1;
      best = Math.max(best, progress);
      if (!worthIt || fruitless >= FRUITLESS_MAX) throw error;
    },
  };
}
