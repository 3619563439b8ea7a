import { access, mkdir, open, readdir, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { SnapshotId } from "@bandsox/contract";
import { type SnapshotPaths, type StoragePaths, snapshotPaths } from "../host/paths.ts";

const BLOCK_BYTES = 512;

/** Where a snapshot is once it is whole. */
export function storedSnapshot(paths: StoragePaths, id: SnapshotId): SnapshotPaths {
  return snapshotPaths(join(paths.snapshotsDir, id));
}

/**
 * What a snapshot occupies. What it shares with others, e.g. a kernel, counts here too, but not what its memory differs from;
 * nor does what is written of it once this is known.
 */
export async function occupiedBytes(dir: string): Promise<number> {
  const { memoryBase, manifest } = snapshotPaths(dir);
  const left = [memoryBase, manifest].map((path) => basename(path));
  let bytes = 0;
  for (const name of await readdir(dir)) if (!left.includes(name)) bytes += await blockBytes(join(dir, name));
  return bytes;
}

/** What a file occupies. */
export async function blockBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * BLOCK_BYTES;
}

/** Gives a finished directory its place, after all in it is on the disk. */
export async function publishDirectory(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await sync(join(from, name));
  await sync(from);
  await mkdir(dirname(to), { recursive: true, mode: 0o711 });
  await rename(from, to);
  await sync(dirname(to));
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}

/** Whether a file is there, and can be seen. */
export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
