import { chmod, mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { x as extract } from "tar";
import { askVersion } from "../engine/firecracker/ask-version.ts";
import {
  formatVersion,
  isAtLeast,
  OLDEST_VERSION,
  PINNED_VERSION,
} from "../engine/firecracker/capabilities.ts";
import { executableAt, findTool } from "../host/find-tool.ts";
import { removeTree } from "../host/remove-tree.ts";
import { openKernelStaging, sweepKernelStaging, syncDirectory } from "./kernel-staging.ts";
import { type GivenRelease, obtainArchive } from "./obtain-archive.ts";
import type { OnSetupStep } from "./setup-step.ts";

const RELEASES = "https://github.com/firecracker-microvm/firecracker/releases/download";
const ARCHITECTURES = { x64: "x86_64", arm64: "aarch64" } as const;

export type GivenFirecracker = GivenRelease;

export interface InstallFirecrackerOptions extends GivenFirecracker {
  /** Directory under the storage that receives `firecracker` and `jailer` */
  readonly installDir: string;
  /** Fetch it again though there is one (default: `false`) */
  readonly refresh?: boolean | undefined;
  readonly onProgress?: OnSetupStep | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is there, and where. */
export interface InstalledFirecracker {
  readonly binary: string;
  readonly version: string;
}

/**
 * Installs Firecracker and its jailer under the storage, whole or not at all. One that is installed, or is in `PATH` and
 * new enough, is kept, unless another is named.
 *
 * @throws {BandSoxError} `engine_unavailable` when it cannot be had, or is no Firecracker we can use; `checksum_mismatch`,
 *   `invalid_argument`, `disk_full`, `interrupted`
 */
export async function installFirecracker(options: InstallFirecrackerOptions): Promise<InstalledFirecracker> {
  const report = options.onProgress ?? (() => {});
  const present = options.url === undefined && !options.refresh ? findPresent(options.installDir) : undefined;
  if (present) {
    report({ step: "firecracker", state: "reused", text: `${present.version} at ${present.binary}` });
    return present;
  }
  const url = options.url ?? releaseUrl();
  report({ step: "firecracker", state: "started", text: `installing ${url}` });
  const work = `${options.installDir}.staging`;
  await using staging = await openKernelStaging(work);
  await sweepKernelStaging(work);
  const archive = await obtainArchive(url, {
    ...{ given: options, checksumUrl: `${url}.sha256.txt`, dir: staging.dir, signal: options.signal },
    ...{ step: "firecracker", report, unavailable },
  });
  const unpacked = join(staging.dir, "firecracker");
  const version = await unpack(archive, unpacked);
  await publish(unpacked, { installDir: options.installDir, discarded: join(staging.dir, "replaced") });
  const binary = join(options.installDir, "firecracker");
  report({ step: "firecracker", state: "done", text: `${version} at ${binary}` });
  return { binary, version };
}

function findPresent(installDir: string): InstalledFirecracker | undefined {
  for (const binary of [executableAt(join(installDir, "firecracker")), findTool("firecracker")]) {
    const version = binary && askVersion(binary);
    if (binary && version && isAtLeast(version, OLDEST_VERSION))
      return { binary, version: formatVersion(version) };
  }
  return undefined;
}

function releaseUrl(): string {
  const architecture = ARCHITECTURES[process.arch as keyof typeof ARCHITECTURES];
  if (!architecture) throw unavailable(`Firecracker is not made for ${process.arch}`);
  return `${RELEASES}/v${PINNED_VERSION}/firecracker-v${PINNED_VERSION}-${architecture}.tgz`;
}

/** Takes the two programs out of a release's archive. @returns the version */
async function unpack(archive: string, into: string): Promise<string> {
  const raw = `${into}.raw`;
  await mkdir(raw);
  await mkdir(into, { mode: 0o755 });
  const isWanted = (path: string, entry: object) =>
    /(^|\/)(firecracker|jailer)(-v[^/]*)?$/.test(path) &&
    !path.endsWith(".debug") &&
    "type" in entry &&
    entry.type === "File";
  await extract({ file: archive, cwd: raw, filter: isWanted, strict: true }).catch((error: unknown) => {
    throw unavailable(`the archive cannot be read: ${(error as Error).message}`, error);
  });
  const files = await readdir(raw, { recursive: true, withFileTypes: true });
  for (const program of ["firecracker", "jailer"]) {
    const found = files.find((file) => file.isFile() && new RegExp(`^${program}(-v.*)?$`).test(file.name));
    if (!found) throw unavailable(`the archive holds no ${program}`);
    await rename(join(found.parentPath, found.name), join(into, program));
    await chmod(join(into, program), 0o755);
  }
  const version = askVersion(join(into, "firecracker"));
  if (!version) throw unavailable("what the archive holds does not run here as Firecracker");
  if (isAtLeast(version, OLDEST_VERSION)) return formatVersion(version);
  throw unavailable(`it is version ${formatVersion(version)}, older than ${formatVersion(OLDEST_VERSION)}`);
}

/** VMs that run keep the programs they run; what is started from now on is the new ones. */
async function publish(
  unpacked: string,
  { installDir, discarded }: { installDir: string; discarded: string },
): Promise<void> {
  await rename(installDir, discarded).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(unpacked, installDir);
  await syncDirectory(dirname(installDir));
  await removeTree(discarded);
}

function unavailable(reason: string, cause?: unknown): BandSoxError {
  const message = `cannot install Firecracker: ${reason}`;
  return new BandSoxError("engine_unavailable", message, { engine: "firecracker", reason }, { cause });
}
