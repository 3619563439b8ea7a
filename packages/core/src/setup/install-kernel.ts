import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findManifestOf, initramfsFile, type KernelManifest, kernelPaths } from "./boot-files.ts";
import { sha256OfFile } from "./given-kernel.ts";
import { buildInitramfs } from "./initramfs.ts";
import { publishFile, syncDirectory } from "./kernel-staging.ts";
import { readModules, writeModules } from "./module-files.ts";
import type { UsableKernel } from "./obtain-kernel.ts";

/** How long an initramfs that was replaced stays, in ms: a VM may be about to start from it. */
const REPLACED_INITRAMFS_KEPT_MS = 24 * 60 * 60 * 1000;

export interface InstallPlace {
  readonly kernelDir: string;
  /** A directory on the same file system, of the caller's alone */
  readonly stagingDir: string;
  readonly agent: Uint8Array;
  readonly now: () => Date;
  readonly signal?: AbortSignal | undefined;
}

/** Puts a kernel and its initramfs in their place, whole or not at all. A damaged directory in the way is replaced. */
export async function installKernel(kernel: UsableKernel, place: InstallPlace): Promise<KernelManifest> {
  const kernelSha256 = sha256Of(kernel.vmlinux);
  const initramfs = buildInitramfs({ agent: place.agent, modules: kernel.modules });
  const manifest: KernelManifest = {
    format: 1,
    kernelRelease: kernel.release,
    source: kernel.source,
    kernelSha256,
    agentSha256: sha256Of(place.agent),
    initramfsSha256: sha256Of(initramfs),
    createdAt: place.now().toISOString(),
  };
  const built = join(place.stagingDir, "kernel");
  await mkdir(built);
  await writeFile(join(built, "vmlinux"), kernel.vmlinux, { flush: true });
  await writeModules(join(built, "modules"), kernel.modules);
  await writeFile(join(built, initramfsFile(manifest.initramfsSha256)), initramfs, { flush: true });
  await writeFile(join(built, "manifest.json"), manifestText(manifest), { flush: true });
  await syncDirectory(join(built, "modules"));
  await syncDirectory(built);
  place.signal?.throwIfAborted();
  return publishKernel(built, { manifest, place });
}

async function publishKernel(
  built: string,
  { manifest, place }: { manifest: KernelManifest; place: InstallPlace },
): Promise<KernelManifest> {
  const { dir } = kernelPaths(place.kernelDir, manifest.kernelSha256);
  for (const last of [false, true]) {
    try {
      await rename(built, dir);
      await syncDirectory(place.kernelDir);
      return manifest;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (last || (code !== "ENOTEMPTY" && code !== "EEXIST")) throw error;
    }
    const theirs = await findManifestOf(place.kernelDir, manifest.kernelSha256);
    if (theirs && (await isWhole(place.kernelDir, theirs))) return refreshInitramfs(theirs, place);
    await rename(dir, join(place.stagingDir, "damaged"));
  }
  throw new Error(`unreachable: ${dir}`);
}

/** Whether an installed kernel is what its manifest says, and its modules are there to build an initramfs from. */
export async function isWhole(kernelDir: string, manifest: KernelManifest): Promise<boolean> {
  const paths = kernelPaths(kernelDir, manifest.kernelSha256);
  const hasModules = await stat(join(paths.modules, "order")).then(Boolean, () => false);
  return hasModules && (await hashesTo(paths.vmlinux, manifest.kernelSha256));
}

/** Returns the manifest of an installed kernel whose initramfs holds this agent, after building that if it does not. */
export async function refreshInitramfs(
  manifest: KernelManifest,
  place: InstallPlace,
): Promise<KernelManifest> {
  const paths = kernelPaths(place.kernelDir, manifest.kernelSha256);
  const agentSha256 = sha256Of(place.agent);
  const isIntact = await hashesTo(paths.initramfs(manifest.initramfsSha256), manifest.initramfsSha256);
  if (isIntact && manifest.agentSha256 === agentSha256) return manifest;

  const initramfs = buildInitramfs({ agent: place.agent, modules: await readModules(paths.modules) });
  const initramfsSha256 = sha256Of(initramfs);
  const next: KernelManifest = {
    ...manifest,
    agentSha256,
    initramfsSha256,
    createdAt: place.now().toISOString(),
  };
  const staged = join(place.stagingDir, "refreshed");
  place.signal?.throwIfAborted();
  await publishFile(paths.initramfs(initramfsSha256), { content: initramfs, staged });
  await publishFile(paths.manifest, { content: manifestText(next), staged });
  await removeReplaced(paths.dir, { keep: initramfsFile(initramfsSha256), now: place.now() });
  return next;
}

async function removeReplaced(dir: string, { keep, now }: { keep: string; now: Date }): Promise<void> {
  const names = await readdir(dir);
  for (const name of names.filter((file) => /^initramfs-\w+\.cpio$/.test(file) && file !== keep)) {
    const info = await stat(join(dir, name)).catch(() => undefined); // another init removed it
    if (info && now.getTime() - info.mtimeMs > REPLACED_INITRAMFS_KEPT_MS)
      await rm(join(dir, name), { force: true });
  }
}

async function hashesTo(path: string, sha256: string): Promise<boolean> {
  try {
    return (await sha256OfFile(path)) === sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function manifestText(manifest: KernelManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
