import { stat } from "node:fs/promises";

/**
 * Tells the machines apart that are reached at one path, one after the other: each VMM's supervisor makes the socket anew.
 * `undefined` when there is none.
 */
export async function socketLife(socketPath: string): Promise<string | undefined> {
  const found = await stat(socketPath, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.ctimeNs}`;
}
