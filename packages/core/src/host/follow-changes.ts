import { watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Changes of a file, one at a time; those that nobody waited for count as one. */
export interface Changes extends Disposable {
  /** Resolves at the next change since the last call. @returns whether there was one, and not an end of it */
  next(): Promise<boolean>;
}

/**
 * Follows a file by its name in its directory, which exists: it may come, go, and be replaced. It is over when `signal`
 * fires or the directory is gone.
 */
export function followChanges(file: string, signal?: AbortSignal): Changes {
  const name = basename(file);
  let changed = Promise.withResolvers<boolean>();
  const watcher = watch(dirname(file), (_event, which) => {
    if (which === null || which === name) changed.resolve(true);
  });
  const over = () => changed.resolve(false);
  watcher.on("error", over);
  signal?.addEventListener("abort", over, { once: true });
  return {
    async next() {
      if (signal?.aborted || !(await changed.promise)) return false;
      changed = Promise.withResolvers<boolean>();
      return !signal?.aborted;
    },
    [Symbol.dispose]: () => {
      signal?.removeEventListener("abort", over);
      watcher.close();
    },
  };
}
