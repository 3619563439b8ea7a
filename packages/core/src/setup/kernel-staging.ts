import { mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isAlive, ownIdentity, type ProcessIdentity } from "../host/process-identity.ts";

const PREFIX = ".staging-";

/** A directory for unfinished boot files; gone when disposed of, or swept by the next `init` if this process dies. */
export interface KernelStaging extends AsyncDisposable {
  readonly dir: string;
}

/** Opens a staging directory that names its owner, so that others can tell whether it is still in use. */
export async function openKernelStaging(kernelDir: string): Promise<KernelStaging> {
  await mkdir(kernelDir, { recursive: true, mode: 0o700 });
  const { pid, startTime, bootId } = ownIdentity();
  const dir = await mkdtemp(join(kernelDir, `${PREFIX}${pid}_${startTime}_${bootId}_`));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

/** Removes what processes that no longer live left behind. */
export async function sweepKernelStaging(kernelDir: string): Promise<void> {
  for (const name of await readdir(kernelDir)) {
    const owner = parseStagingOwner(name);
    if (owner && !isAlive(owner)) await rm(join(kernelDir, name), { recursive: true, force: true });
  }
}

/** Reads who owns a staging directory from its name; `undefined` when it is none. */
export function parseStagingOwner(name: string): ProcessIdentity | undefined {
  const match = /^\.staging-(\d+)_(\d+)_([0-9a-f-]{36})_\w+$/.exec(name);
  const [, pid, startTime, bootId] = match ?? [];
  return pid && startTime && bootId ? { pid: Number(pid), startTime, bootId } : undefined;
}

/** Writes a file that appears at `path` whole or not at all, and survives a power cut. `staged` is a path to build it at. */
export async function publishFile(
  path: string,
  { content, staged }: { content: Uint8Array | string; staged: string },
): Promise<void> {
  await writeFile(staged, content, { flush: true });
  await rename(staged, path);
  await syncDirectory(dirname(path));
}

/** Makes the names in a directory survive a power cut. */
export async function syncDirectory(dir: string): Promise<void> {
  await using handle = await open(dir, "r");
  await handle.sync();
}
