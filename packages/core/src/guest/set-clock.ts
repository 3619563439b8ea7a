import { isBandSoxError } from "@bandsox/contract";
import type { GuestClient } from "./guest-client.ts";

/** The most a guest's clock may be wrong, as far as it can be known */
const ERROR_MAX_MS = 60;
/** On a host with too much to do no answer may be quick enough to be sure; then the clock is as right as was seen. */
const ATTEMPTS_MAX = 20;

/** What is known of how far a clock is ahead of this host's, in ms: no less and no more than that. */
export interface ClockError {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** What a clock that said `saidMs` at some moment between two of this host's tells of its error. */
export function clockError(
  saidMs: number,
  { askedMs, answeredMs }: { askedMs: number; answeredMs: number },
): ClockError {
  return { leastMs: saidMs - answeredMs, mostMs: saidMs - askedMs };
}

/** What two looks at one clock tell together; where they cannot both be true, a clock was set, and the later holds. */
export function narrowed(before: ClockError, now: ClockError): ClockError {
  const both = {
    leastMs: Math.max(before.leastMs, now.leastMs),
    mostMs: Math.min(before.mostMs, now.mostMs),
  };
  return both.leastMs > both.mostMs ? now : both;
}

/** What to move a clock by: nothing while it may be right, else to the middle of what it may be wrong by. */
function clockShift({ leastMs, mostMs }: ClockError): number {
  return leastMs > 0 || mostMs < 0 ? -Math.round((leastMs + mostMs) / 2) : 0;
}

/**
 * Brings a guest's clock in line with this host's. Shifts are exact, so what one look told still holds after them, and
 * a look that took long takes nothing away from what is known.
 */
export async function setClock(
  guest: Pick<GuestClient, "shiftClock">,
  signal?: AbortSignal,
  now: () => number = Date.now,
): Promise<void> {
  let shiftMs = 0;
  let known: ClockError = { leastMs: Number.NEGATIVE_INFINITY, mostMs: Number.POSITIVE_INFINITY };
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const askedMs = now();
      const saidMs = await guest.shiftClock(shiftMs, signal);
      known = { leastMs: known.leastMs + shiftMs, mostMs: known.mostMs + shiftMs };
      known = narrowed(known, clockError(saidMs, { askedMs, answeredMs: now() }));
      if (Math.max(-known.leastMs, known.mostMs) <= ERROR_MAX_MS) return;
      shiftMs = clockShift(known);
    }
    if (shiftMs !== 0) await guest.shiftClock(shiftMs, signal);
  } catch (error) {
    // An agent of before this call was told the time with its identity.
    if (!isBandSoxError(error, "guest_outdated")) throw error;
  }
}
