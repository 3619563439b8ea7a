import { stat } from "node:fs/promises";

/** Tells a base disk from another that was built in its place; `undefined` when there is none. */
export async function baseIdentity(path: string): Promise<string | undefined> {
  return stat(path).then(
    ({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`,
    () => undefined,
  );
}
