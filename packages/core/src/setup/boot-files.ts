/**
 * The boot files of a storage directory:
 *
 *     kernel/current.json                    {"kernelSha256"}: which of the kernels new VMs start
 *     kernel/<sha256>/vmlinux                unpacked; its sha256 is the directory's name
 *     kernel/<sha256>/modules/               uncompressed, with their load order in `order`
 *     kernel/<sha256>/initramfs-<16 hex>.cpio
 *     kernel/<sha256>/manifest.json          written last; a directory without it is unfinished
 *     kernel/.staging-…/                     work in progress of one process
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { storagePaths } from "../host/paths.ts";

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Current = z.object({ kernelSha256: Sha256 });

/** What a directory of boot files says of itself. */
export const KernelManifest = z.object({
  format: z.literal(1),
  kernelRelease: z.string(),
  source: z.object({
    kind: z.enum(["given", "firecracker", "distribution"]),
    location: z.string(),
    /** Of the file as it came, before unpacking */
    imageSha256: Sha256,
  }),
  kernelSha256: Sha256,
  agentSha256: Sha256,
  initramfsSha256: Sha256,
  createdAt: z.iso.datetime(),
});
export type KernelManifest = z.infer<typeof KernelManifest>;

/** What a VMM starts a guest from. */
export interface BootFiles {
  readonly vmlinuxPath: string;
  readonly initramfsPath: string;
  readonly kernelRelease: string;
  /** Names this pair of kernel and initramfs; sha256 in hex */
  readonly digest: string;
}

export function currentPath(kernelDir: string): string {
  return join(kernelDir, "current.json");
}

/** Paths of one kernel's files. */
export function kernelPaths(kernelDir: string, kernelSha256: string) {
  const dir = join(kernelDir, kernelSha256);
  return {
    dir,
    vmlinux: join(dir, "vmlinux"),
    modules: join(dir, "modules"),
    manifest: join(dir, "manifest.json"),
    initramfs: (initramfsSha256: string) => join(dir, initramfsFile(initramfsSha256)),
  } as const;
}

export function initramfsFile(initramfsSha256: string): string {
  return `initramfs-${initramfsSha256.slice(0, 16)}.cpio`;
}

/**
 * Finds the boot files new VMs start from. Quick: their presence is checked, their content was when they were made.
 *
 * @throws {BandSoxError} `kernel_missing` when there are none, or not all
 */
export async function readBootFiles(storageDir: string): Promise<BootFiles> {
  const { kernelDir } = storagePaths(storageDir);
  const manifest = await findManifest(kernelDir);
  if (!manifest) throw missing(kernelDir, "is not set up");
  const paths = kernelPaths(kernelDir, manifest.kernelSha256);
  const initramfsPath = paths.initramfs(manifest.initramfsSha256);
  for (const path of [paths.vmlinux, initramfsPath]) {
    if (!(await isFilled(path))) throw missing(path, "is gone or empty");
  }
  return {
    vmlinuxPath: paths.vmlinux,
    initramfsPath,
    kernelRelease: manifest.kernelRelease,
    digest: createHash("sha256")
      .update(`${manifest.kernelSha256}\n${manifest.initramfsSha256}`)
      .digest("hex"),
  };
}

/** The manifest of the current kernel; `undefined` when there is none that is whole. */
export async function findManifest(kernelDir: string): Promise<KernelManifest | undefined> {
  const current = Current.safeParse(await findJson(currentPath(kernelDir)));
  if (!current.success) return undefined;
  return findManifestOf(kernelDir, current.data.kernelSha256);
}

/** The manifest of one kernel, if its directory is finished. */
export async function findManifestOf(
  kernelDir: string,
  kernelSha256: string,
): Promise<KernelManifest | undefined> {
  const manifest = KernelManifest.safeParse(await findJson(kernelPaths(kernelDir, kernelSha256).manifest));
  return manifest.success && manifest.data.kernelSha256 === kernelSha256 ? manifest.data : undefined;
}

async function findJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BandSoxError("storage_unavailable", `cannot read ${path}: ${code}`, { path }, { cause: error });
  }
}

async function isFilled(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile() && info.size > 0,
    () => false,
  );
}

function missing(path: string, found: string): BandSoxError {
  return new BandSoxError("kernel_missing", `the guest kernel ${found}: ${path}`, { path });
}
