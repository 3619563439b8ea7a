import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** The kernel's limit on a Unix socket's path, its terminating NUL included */
const SOCKET_PATH_MAX_BYTES = 107;

/** A path to connect to, valid until disposed of. */
export type ReachableSocket = AsyncDisposable & { readonly path: string };

/** A long socket path is reached through its directory's descriptor, whose path is always short. */
export async function reachableSocket(path: string): Promise<ReachableSocket> {
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX_BYTES)
    return { path, [Symbol.asyncDispose]: async () => {} };
  const directory = await open(dirname(path), "r");
  return {
    path: `/proc/self/fd/${directory.fd}/${basename(path)}`,
    [Symbol.asyncDispose]: () => directory.close(),
  };
}
