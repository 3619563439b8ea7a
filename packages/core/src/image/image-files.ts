import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageUsage } from "@bandsox/contract";
import type { StoragePaths } from "../host/paths.ts";
import { blobsDir } from "./image-documents.ts";

const BLOCK_BYTES = 512;

/** Removes every file of the image store that none of the digests stands for. @returns the bytes that became free */
export async function sweepFiles(
  paths: StoragePaths,
  keep: { readonly blobs: ReadonlySet<string>; readonly disks: ReadonlySet<string> },
): Promise<number> {
  const kept = (digests: ReadonlySet<string>, name: string) => digests.has(`sha256:${name}`);
  const blobs = await sweepDir(blobsDir(paths), (name) => kept(keep.blobs, name));
  const partial = await sweepDir(join(paths.imageStore, "partial"), () => false);
  const disks = await sweepDir(paths.basesDir, (name) => kept(keep.disks, name.replace(/\.ext4$/, "")));
  return blobs + partial + disks;
}

/** What the whole store occupies on the disk. */
export async function measureFiles(paths: StoragePaths): Promise<ImageUsage> {
  return { blobBytes: await measureDir(blobsDir(paths)), diskBytes: await measureDir(paths.basesDir) };
}

/** What a file occupies on the disk, holes left out; 0 when it is not there. */
export async function allocatedBytes(path: string): Promise<number> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return (info?.blocks ?? 0) * BLOCK_BYTES;
}

async function sweepDir(dir: string, isKept: (name: string) => boolean): Promise<number> {
  let freed = 0;
  for (const name of await namesIn(dir)) {
    if (isKept(name)) continue;
    const path = join(dir, name);
    freed += await allocatedBytes(path);
    await rm(path, { force: true });
  }
  return freed;
}

async function measureDir(dir: string): Promise<number> {
  let sum = 0;
  for (const name of await namesIn(dir)) sum += await allocatedBytes(join(dir, name));
  return sum;
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return []; // nothing was stored yet
    throw error;
  });
}
