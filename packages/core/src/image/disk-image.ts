import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BandSoxError } from "@bandsox/contract";
import { readSuperblock } from "../disk/ext4-superblock.ts";
import { run } from "../host/run.ts";
import type { Staging } from "../store/staging.ts";
import type { DiskSource } from "./image-source.ts";

export interface AdoptOptions {
  readonly staging: Staging;
  /** The apparent size all base disks have; a larger disk is refused */
  readonly apparentBytes: number;
  /** Where the disk of a digest goes */
  readonly pathOf: (digest: string) => Promise<string>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a copy of a ready-made ext4 disk as a base disk, under the digest of its bytes. The copy shares the original's
 * blocks where the file system can, and stays sparse elsewhere. A journal that was left behind is replayed in the
 * copy, because the guest mounts it read-only.
 *
 * @throws {BandSoxError} `image_not_found`, `image_invalid`, `image_too_large`, `disk_full`, `interrupted`
 */
export async function adoptDisk(
  source: DiskSource,
  options: AdoptOptions,
): Promise<{ digest: string; sizeBytes: number }> {
  const { staging, apparentBytes, signal } = options;
  const sizeBytes = await sizeOf(source);
  if (sizeBytes > apparentBytes) {
    const message = `cannot use ${source.path} as a base disk: it has ${sizeBytes} bytes, at most ${apparentBytes} are allowed`;
    throw new BandSoxError("image_too_large", message, { reference: source.reference });
  }
  await using work = await staging.open();
  const copy = join(work.dir, "base.ext4");
  await run("cp", ["--reflink=auto", "--sparse=always", source.path, copy], { signal });
  const superblock = await readSuperblock(copy);
  if (!superblock) {
    const message = `cannot use ${source.path} as a base disk: it holds no ext4 file system`;
    throw new BandSoxError("image_invalid", message, { reference: source.reference });
  }
  if (superblock.needsRecovery)
    await run("e2fsck", ["-y", "-E", "journal_only", copy], { signal, alsoGood: [1] });
  const digest = `sha256:${await sha256(copy, signal)}`;
  await truncate(copy, apparentBytes);
  await run("chmod", ["0644", copy], { signal });
  await work.publish(copy, await options.pathOf(digest));
  return { digest, sizeBytes };
}

async function sizeOf({ path, reference }: DiskSource): Promise<number> {
  try {
    const info = await stat(path);
    if (info.isFile()) return info.size;
    throw new BandSoxError("image_invalid", `cannot use ${path} as a base disk: it is no regular file`, {
      reference,
    });
  } catch (cause) {
    if (cause instanceof BandSoxError) throw cause;
    const found = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new BandSoxError(
      "image_not_found",
      `cannot read the disk ${path}: ${found}`,
      { reference },
      { cause },
    );
  }
}

async function sha256(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, signal ? { signal } : {});
  return hash.digest("hex");
}
