import { useCallback, useLayoutEffect, useRef } from "react";

/** The same function for good, which does what the latest one does: who is given it need not be drawn again. */
export function useLatest<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void {
  const latest = useRef(work);
  useLayoutEffect(() => {
    latest.current = work;
  });
  return useCallback((...args: A) => latest.current(...args), []);
}
