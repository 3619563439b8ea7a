import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import { readSuperblock } from "../disk/ext4-superblock.ts";
import type { ImageStore } from "../image/image-store.ts";
import type { ImageRecord, ImageRecords } from "../store/image-records.ts";
import type { Staging } from "../store/staging.ts";
import { download } from "./download.ts";
import { sha256OfFile } from "./given-kernel.ts";
import type { OnSetupStep } from "./setup-step.ts";

/** The name VMs are made by from the root file system `init` was given. */
export const ROOTFS_IMAGE = "bandsox-base";

const LIMIT_BYTES = 16 * 1024 ** 3;

/** A root file system of the user's: a ready-made ext4 disk, or a tar. */
export interface GivenRootfs {
  /** `http:`, `https:` or `file:` address, or a path */
  readonly url: string;
  /** What the file must hash to, in hex (default: unchecked) */
  readonly sha256?: string | undefined;
}

export interface InstallRootfsOptions {
  readonly images: Pick<ImageStore, "import">;
  readonly records: Pick<ImageRecords, "findByReference">;
  readonly staging: Staging;
  /** Fetch it again though the store has one (default: `false`); what is behind a path is always read */
  readonly refresh?: boolean | undefined;
  readonly onProgress?: OnSetupStep | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the image `bandsox-base` of a given root file system.
 *
 * @throws {BandSoxError} `invalid_argument`, `rootfs_unavailable`, `checksum_mismatch`, `image_…`, `disk_full`,
 *   `interrupted`
 */
export async function installRootfs(
  rootfs: GivenRootfs,
  options: InstallRootfsOptions,
): Promise<Pick<ImageRecord, "digest">> {
  const { images, records, staging, refresh, signal } = options;
  const report = options.onProgress ?? (() => {});
  const location = parseRootfsLocation(rootfs.url);
  const known = records.findByReference(`docker.io/library/${ROOTFS_IMAGE}:latest`);
  if (known && location.kind === "remote" && !refresh) {
    report({ step: "rootfs", state: "reused", text: `${ROOTFS_IMAGE} is ${known.digest}` });
    return known;
  }
  await using work = await staging.open();
  const path = location.kind === "file" ? location.path : join(work.dir, "rootfs");
  const found =
    location.kind === "file" ? await hashOf(path, rootfs, signal) : await fetchTo(path, rootfs.url, options);
  if (rootfs.sha256 && rootfs.sha256.toLowerCase() !== found) {
    const details = { source: rootfs.url, expected: rootfs.sha256.toLowerCase(), found: found ?? "" };
    const message = `${rootfs.url} hashes to ${found}, not to ${rootfs.sha256}`;
    throw new BandSoxError("checksum_mismatch", message, details);
  }
  const kind = (await readSuperblock(path)) ? "ext4" : "tar";
  const image = await images.import(`${kind}:${path}`, ROOTFS_IMAGE, { signal });
  report({ step: "rootfs", state: "done", text: `${ROOTFS_IMAGE} is ${image.digest}, from ${rootfs.url}` });
  return image;
}

/** Tells an address from a path. @throws {BandSoxError} `invalid_argument` */
export function parseRootfsLocation(
  url: string,
): { readonly kind: "remote" } | { readonly kind: "file"; readonly path: string } {
  if (/^https?:\/\//i.test(url)) return { kind: "remote" };
  if (/^file:\/\/\/[^?#]/i.test(url)) return { kind: "file", path: fileURLToPath(url) };
  if (url !== "" && !/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return { kind: "file", path: resolve(url) };
  const message = `rootfs: neither a path, file:// nor http(s):// address: ${url}`;
  throw new BandSoxError("invalid_argument", message, { field: "rootfsUrl", found: url });
}

async function hashOf(path: string, { sha256 }: GivenRootfs, signal: AbortSignal | undefined) {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw unavailable(`cannot read the root file system ${path}: ${cause.code}`, path, cause);
  });
  if (!info.isFile()) throw unavailable(`cannot read the root file system ${path}: it is no file`, path);
  return sha256 ? sha256OfFile(path, signal) : undefined;
}

async function fetchTo(
  path: string,
  url: string,
  { onProgress, signal }: InstallRootfsOptions,
): Promise<string> {
  const onFraction = (fraction: number) =>
    onProgress?.({ step: "rootfs", state: "progress", text: `downloading ${url}`, fraction });
  try {
    return await download(url, { path, limitBytes: LIMIT_BYTES, onFraction, signal });
  } catch (error) {
    if (signal?.aborted) throw new BandSoxError("interrupted", `interrupted while downloading ${url}`, {});
    if (!isBandSoxError(error, "kernel_unavailable")) throw error;
    throw unavailable(error.message, url, error);
  }
}

function unavailable(message: string, source: string, cause?: unknown): BandSoxError {
  return new BandSoxError("rootfs_unavailable", message, { sources: [source] }, { cause });
}
