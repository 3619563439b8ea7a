const FIRST_MS = 250;
const MAX_MS = 5000;

/** How long to wait before the attempt that follows `failures` failed ones, in ms. */
export function backoffMs(failures: number): number {
  return Math.min(MAX_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
}
