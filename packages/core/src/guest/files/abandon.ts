/** A guest that is gone is not waited for */
const ABANDON_MS = 1000;

/** For a word to a guest that it need not wait any more; one that does not hear it stops waiting some time later. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(ABANDON_MS);
}
