import { rm } from "node:fs/promises";

/** Attempts, 100 ms further apart each, while something still writes into the tree or a device is busy */
const MAX_RETRIES = 5;

/** Removes a file, or a directory with all in it; does nothing when there is none. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: MAX_RETRIES });
}
