import { rename, rm } from "node:fs/promises";
import { BandSoxError } from "@bandsox/contract";
import { run } from "../host/run.ts";
import { readSuperblock } from "./ext4-superblock.ts";

const MIB = 1024 * 1024;

/**
 * Makes the file system of a layer disk that no VM runs on larger. The device keeps its apparent size, which all layer
 * disks share. The work is done on a sparse copy that then takes the disk's place, so whenever it is interrupted the
 * disk is as it was or as it is to be.
 *
 * @throws {BandSoxError} `invalid_argument` when it is not larger, `tool_missing`, `tool_failed`, `disk_full`,
 *   `interrupted`
 */
export async function growLayerDisk(
  path: string,
  options: { readonly sizeMib: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { sizeMib, signal } = options;
  const found = (await readSuperblock(path))?.sizeBytes ?? 0;
  if (sizeMib * MIB <= found) {
    const message = `cannot grow the disk to ${sizeMib} MiB: it has ${Math.ceil(found / MIB)} MiB, and disks do not shrink`;
    throw new BandSoxError("invalid_argument", message, { field: "diskSizeMib", found: sizeMib });
  }
  const copy = `${path}.growing`;
  await rm(copy, { force: true }); // of one who was killed; a new file, so that nobody else writes into it
  try {
    await run("cp", ["--reflink=auto", "--sparse=always", path, copy], { signal });
    // resize2fs insists on a check; 1 says that what a killed VM left was mended
    await run("e2fsck", ["-f", "-y", copy], { signal, alsoGood: [1] });
    await run("resize2fs", [copy, `${sizeMib}M`], { signal });
    await run("sync", [copy], { signal });
    await rename(copy, path);
  } finally {
    await rm(copy, { force: true });
  }
}
