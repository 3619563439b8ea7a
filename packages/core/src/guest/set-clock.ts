import { isBandSoxError } from "@bandsox/contract";
import type { GuestClient } from "./guest-client.ts";

/** The most a guest's clock may be wrong, as far as it can be known */
const ERROR_MAX_MS = 60;
/** On a host with too much to do no answer may be quick enough to be sure; then the clock is as right as was seen. */
const ATTEMPTS_MAX = 20;

/**
 * How wrong a clock is that said `saidMs` at some moment between `askedMs` and `answeredMs`, and by how much that may
 * be off.
 */
export function clockError(
  saidMs: number,
  { askedMs, answeredMs }: { askedMs: number; answeredMs: number },
): { errorMs: number; unsureMs: number } {
  return { errorMs: saidMs - (askedMs + answeredMs) / 2, unsureMs: (answeredMs - askedMs) / 2 };
}

/** What to move a clock by: nothing while the error may be none. */
export function clockShift({ errorMs, unsureMs }: { errorMs: number; unsureMs: number }): number {
  return Math.abs(errorMs) > unsureMs ? -Math.round(errorMs) : 0;
}

/** Brings a guest's clock in line with this host's. */
export async function setClock(
  guest: Pick<GuestClient, "shiftClock">,
  signal?: AbortSignal,
  now: () => number = Date.now,
): Promise<void> {
  let shiftMs = 0;
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const askedMs = now();
      const saidMs = await guest.shiftClock(shiftMs, signal);
      const error = clockError(saidMs, { askedMs, answeredMs: now() });
      if (Math.abs(error.errorMs) + error.unsureMs <= ERROR_MAX_MS) return;
      shiftMs = clockShift(error);
    }
    if (shiftMs !== 0) await guest.shiftClock(shiftMs, signal);
  } catch (error) {
    // An agent of before this call was told the time with its identity.
    if (!isBandSoxError(error, "guest_outdated")) throw error;
  }
}
