import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import { storagePaths } from "../host/paths.ts";
import {
  type BootFiles,
  currentPath,
  findManifest,
  type KernelManifest,
  readBootFiles,
} from "./boot-files.ts";
import { distributionKernel } from "./distribution-kernel.ts";
import { firecrackerKernel } from "./firecracker-kernel.ts";
import { type GivenKernel, givenKernel, parseKernelLocation, sha256OfFile } from "./given-kernel.ts";
import { installKernel, isWhole, refreshInitramfs } from "./install-kernel.ts";
import { ARCHITECTURES, type KernelSource } from "./kernel-source.ts";
import { openKernelStaging, publishFile, sweepKernelStaging } from "./kernel-staging.ts";
import { obtainKernel } from "./obtain-kernel.ts";
import type { OnSetupStep } from "./setup-step.ts";

export interface EnsureBootFilesOptions {
  readonly storageDir: string;
  /** The built agent, see `helperPaths` */
  readonly agentPath: string;
  /** The kernel to use, and no other (default: the installed one, else the first that `sources` has) */
  readonly kernel?: GivenKernel | undefined;
  /** Look for a kernel even though one is installed (default: `false`) */
  readonly refresh?: boolean | undefined;
  /** Where to look, in order (default: Firecracker's published kernel, then the distribution's package) */
  readonly sources?: readonly KernelSource[] | undefined;
  readonly onProgress?: OnSetupStep | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly now?: () => Date;
}

/**
 * Makes the storage directory hold a kernel and an initramfs with this agent, and returns them. Idempotent, safe to
 * run in several processes at once, and complete or without effect whenever it is interrupted.
 *
 * @throws {BandSoxError} `kernel_unavailable`, `checksum_mismatch`, `invalid_argument` (not a kernel), `tool_missing`,
 *   `disk_full`, `storage_unavailable`, `interrupted`
 */
export async function ensureBootFiles(options: EnsureBootFilesOptions): Promise<BootFiles> {
  if (options.kernel) parseKernelLocation(options.kernel.url);
  const { kernelDir } = storagePaths(options.storageDir);
  try {
    options.signal?.throwIfAborted();
    const agent = await readAgent(options.agentPath);
    await using staging = await openKernelStaging(kernelDir);
    await sweepKernelStaging(kernelDir);
    const place = {
      kernelDir,
      stagingDir: staging.dir,
      agent,
      now: options.now ?? (() => new Date()),
      signal: options.signal,
    };
    const manifest = (await reuseKernel(options, place)) ?? (await newKernel(options, place));
    const content = `${JSON.stringify({ kernelSha256: manifest.kernelSha256 })}\n`;
    await publishFile(currentPath(kernelDir), { content, staged: join(staging.dir, "current") });
  } catch (error) {
    throw asSetupError(error, { path: kernelDir, signal: options.signal });
  }
  return readBootFiles(options.storageDir);
}

type Place = Parameters<typeof installKernel>[1];

async function reuseKernel(
  options: EnsureBootFilesOptions,
  place: Place,
): Promise<KernelManifest | undefined> {
  const report = options.onProgress ?? (() => {});
  const installed = await findManifest(place.kernelDir);
  if (!installed || options.refresh || !(await isAskedFor(installed, options.kernel))) return undefined;
  if (!(await isWhole(place.kernelDir, installed))) {
    report({
      step: "kernel",
      state: "failed",
      text: `the installed kernel ${installed.kernelRelease} is damaged`,
    });
    return undefined;
  }
  report({ step: "kernel", state: "reused", text: describe(installed) });
  const refreshed = await refreshInitramfs(installed, place);
  const isSame = refreshed === installed;
  const text = isSame ? "holds this agent" : "rebuilt with this agent";
  report({ step: "initramfs", state: isSame ? "reused" : "done", text });
  return refreshed;
}

async function newKernel(options: EnsureBootFilesOptions, place: Place): Promise<KernelManifest> {
  const report = options.onProgress ?? (() => {});
  const sources = options.kernel ? [givenKernel(options.kernel)] : (options.sources ?? defaultSources());
  const kernel = await obtainKernel(sources, {
    dir: place.stagingDir,
    onProgress: report,
    signal: options.signal,
  });
  const modules = kernel.modules.length > 0 ? `${kernel.modules.length} modules` : "everything built in";
  report({ step: "modules", state: "done", text: modules });
  const manifest = await installKernel(kernel, place);
  report({ step: "kernel", state: "done", text: describe(manifest) });
  report({ step: "initramfs", state: "done", text: "built with this agent" });
  return manifest;
}

async function isAskedFor(installed: KernelManifest, kernel: GivenKernel | undefined): Promise<boolean> {
  if (!kernel) return true;
  const { imageSha256, location, kind } = installed.source;
  if (kernel.sha256) return kernel.sha256.toLowerCase() === imageSha256;
  const asked = parseKernelLocation(kernel.url);
  if (asked.kind === "remote") return kind === "given" && location === asked.url;
  return (await sha256OfFile(asked.path).catch(() => undefined)) === imageSha256; // unreadable: told by the source
}

function defaultSources(): readonly KernelSource[] {
  const architecture = Object.entries(ARCHITECTURES).find(([name]) => name === process.arch)?.[1];
  if (architecture) return [firecrackerKernel(architecture), distributionKernel(architecture)];
  const sources = [`processor ${process.arch}`];
  throw new BandSoxError("kernel_unavailable", `no kernel is published for ${process.arch}`, { sources });
}

async function readAgent(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const found = (cause as NodeJS.ErrnoException).code;
    const message = `the guest agent is not built: ${path} (${found}); \`make setup\` builds it`;
    throw new BandSoxError("tool_missing", message, { tool: "bandsox-agent" }, { cause });
  }
}

function describe({ kernelRelease, source }: KernelManifest): string {
  return `${kernelRelease} from ${source.location}`;
}

const UNUSABLE_STORAGE: ReadonlySet<string | undefined> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
  "EIO",
]);

function asSetupError(
  error: unknown,
  { path, signal }: { path: string; signal: AbortSignal | undefined },
): unknown {
  if (isAnyBandSoxError(error)) return error;
  if (signal?.aborted)
    return new BandSoxError("interrupted", "setting up was interrupted", {}, { cause: error });
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new BandSoxError(
      "disk_full",
      `no space left for the kernel in ${path}`,
      { path },
      { cause: error },
    );
  }
  if (!UNUSABLE_STORAGE.has(code)) return error;
  return new BandSoxError("storage_unavailable", `cannot write ${path}: ${code}`, { path }, { cause: error });
}
