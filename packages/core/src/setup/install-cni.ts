import { chmod, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { x as extract } from "tar";
import { z } from "zod";
import { startChild } from "../host/start-child.ts";
import { missingPlugins } from "../network/cni-places.ts";
import { openKernelStaging, sweepKernelStaging, syncDirectory } from "./kernel-staging.ts";
import { type GivenRelease, obtainArchive } from "./obtain-archive.ts";
import type { OnSetupStep } from "./setup-step.ts";

const VERSION = "1.9.1";
const RELEASES = "https://github.com/containernetworking/plugins/releases/download";
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" } as const;
const ANSWER_TIMEOUT_MS = 10_000;

/** Without these a directory is not one of the usual plugins. */
const USUAL = ["loopback", "host-local", "portmap", "bridge"];

export interface InstallCniOptions extends GivenRelease {
  /** Directory that receives the plugins; others in it stay */
  readonly installDir: string;
  readonly onProgress?: OnSetupStep | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The first directory that has the usual plugins. */
export function findCniPlugins(dirs: readonly string[]): string | undefined {
  return dirs.find((dir) => missingPlugins(USUAL, [dir]).length === 0);
}

/**
 * Installs the plugins of a release, each of them whole or not at all; a directory has the usual ones last of all.
 *
 * @throws {BandSoxError} `networking_unavailable` when they cannot be had, or do not run here; `checksum_mismatch`,
 *   `invalid_argument`, `disk_full`, `interrupted`
 */
export async function installCni(options: InstallCniOptions): Promise<void> {
  const { installDir, signal, onProgress: report = () => {} } = options;
  const url = options.url ?? releaseUrl();
  report({ step: "cni", state: "started", text: `installing ${url}` });
  await mkdir(installDir, { recursive: true, mode: 0o755 });
  await sweepKernelStaging(installDir);
  await using staging = await openKernelStaging(installDir);
  const archive = await obtainArchive(url, {
    ...{ given: options, checksumUrl: `${url}.sha256`, dir: staging.dir, signal },
    ...{ step: "cni", report, unavailable },
  });
  const unpacked = join(staging.dir, "plugins");
  const plugins = await unpack(archive, unpacked);
  for (const plugin of [...plugins.filter((name) => !USUAL.includes(name)), ...USUAL])
    await rename(join(unpacked, plugin), join(installDir, plugin));
  await syncDirectory(installDir);
  report({ step: "cni", state: "done", text: `plugins in ${installDir}` });
}

function releaseUrl(): string {
  const architecture = ARCHITECTURES[process.arch as keyof typeof ARCHITECTURES];
  if (!architecture) throw unavailable(`there is no release for ${process.arch}`);
  return `${RELEASES}/v${VERSION}/cni-plugins-linux-${architecture}-v${VERSION}.tgz`;
}

/** Takes the plugins out of a release's archive. @returns their names */
async function unpack(archive: string, into: string): Promise<string[]> {
  await mkdir(into);
  const isPlugin = (path: string, entry: object) =>
    /^(\.\/)?[a-z][a-z0-9-]*$/.test(path) && "type" in entry && entry.type === "File";
  await extract({ file: archive, cwd: into, filter: isPlugin, strict: true }).catch((error: unknown) => {
    throw unavailable(`the archive cannot be read: ${(error as Error).message}`, error);
  });
  const plugins = await readdir(into);
  for (const plugin of plugins) await chmod(join(into, plugin), 0o755);
  const missing = USUAL.filter((name) => !plugins.includes(name));
  if (missing.length > 0) throw unavailable(`the archive holds no ${missing.join(", ")}`);
  for (const plugin of USUAL) await assertRuns(join(into, plugin));
  return plugins;
}

const Answer = z.object({ supportedVersions: z.array(z.string()).min(1) });

/** A plugin tells which versions of the specification it knows, or is none. */
async function assertRuns(plugin: string): Promise<void> {
  const { stdout, stderr, shortMessage } = await startChild(plugin, {
    ...{ env: { CNI_COMMAND: "VERSION" }, input: '{"cniVersion":"1.0.0"}', reject: false },
    timeout: ANSWER_TIMEOUT_MS,
  });
  try {
    Answer.parse(JSON.parse(stdout));
  } catch (error) {
    const found = shortMessage ?? (stderr || "it answered something else");
    throw unavailable(`what the archive holds does not run here as a CNI plugin: ${found}`, error);
  }
}

function unavailable(reason: string, cause?: unknown): BandSoxError {
  const message = `cannot install CNI plugins: ${reason}`;
  return new BandSoxError("networking_unavailable", message, { reason }, { cause });
}
