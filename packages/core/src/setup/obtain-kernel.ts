import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import { sha256OfFile } from "./given-kernel.ts";
import { kernelReleaseFor } from "./kernel-image.ts";
import type { KernelOrigin, KernelSource, ObtainOptions } from "./kernel-source.ts";
import { type ModuleFile, takeModules } from "./module-files.ts";
import { unpackKernel } from "./unpack.ts";

/** A kernel ready to be installed, in memory. */
export interface UsableKernel {
  readonly vmlinux: Uint8Array;
  readonly release: string;
  /** In load order; empty when the kernel has everything built in */
  readonly modules: readonly ModuleFile[];
  readonly source: KernelOrigin & { readonly imageSha256: string };
}

/** Failures of the machine, not of the source: no other source helps. */
const FINAL: ReadonlySet<string> = new Set([
  "interrupted",
  "disk_full",
  "storage_unavailable",
  "checksum_mismatch",
]);

/**
 * Takes the kernel of the first source that has a usable one, telling each attempt.
 *
 * @throws {BandSoxError} `kernel_unavailable` naming every source and why it failed; a lone source's own error
 */
export async function obtainKernel(
  sources: readonly KernelSource[],
  options: ObtainOptions,
): Promise<UsableKernel> {
  const reasons: string[] = [];
  for (const [index, source] of sources.entries()) {
    options.onProgress({ step: "kernel", state: "started", text: `trying ${source.name}` });
    try {
      const dir = join(options.dir, `source-${index}`);
      await mkdir(dir);
      return await obtainFrom(source, { ...options, dir });
    } catch (error) {
      if (!mayTryNext(error) || options.signal?.aborted) throw error;
      options.onProgress({ step: "kernel", state: "failed", text: `${source.name}: ${error.message}` });
      if (sources.length === 1) throw error;
      reasons.push(`${source.name}: ${error.message}`);
    }
  }
  throw new BandSoxError("kernel_unavailable", `no kernel can be had: ${reasons.join("; ")}`, {
    sources: reasons,
  });
}

async function obtainFrom(source: KernelSource, options: ObtainOptions): Promise<UsableKernel> {
  const obtained = await source.obtain(options);
  const { signal, onProgress, dir } = options;
  onProgress({ step: "kernel", state: "progress", text: "unpacking the kernel" });
  const imageSha256 = await sha256OfFile(obtained.imagePath, signal);
  const image = await readFile(obtained.imagePath, { signal });
  const vmlinux = await unpackKernel(image, { scratch: join(dir, "vmlinux"), signal });
  const release = kernelReleaseFor(process.arch, vmlinux);
  const modules = obtained.modulesBase ? await takeModules(obtained.modulesBase, { release, signal }) : [];
  return { vmlinux, release, modules, source: { ...obtained.origin, imageSha256 } };
}

function mayTryNext(error: unknown): error is BandSoxError {
  return isAnyBandSoxError(error) && !FINAL.has(error.code);
}
