import { basename, dirname, join } from "node:path";

/** A boot file by the two names that say what is in it, whatever storage it is in: its kernel's digest and its own. */
export function contentName(path: string): string {
  return join(basename(dirname(path)), basename(path));
}
