import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import type { KvmVerdict } from "../../host/acceleration.ts";
import { executableAt, findTool } from "../../host/find-tool.ts";
import { askVersion } from "./ask-version.ts";
import {
  type FirecrackerFeatures,
  type FirecrackerVersion,
  featuresOf,
  formatVersion,
  isAtLeast,
  OLDEST_VERSION,
} from "./capabilities.ts";

export interface FindFirecrackerOptions {
  readonly kvm: KvmVerdict;
  /** What the user insists on: `kvm` also where it looks unusable */
  readonly acceleration?: "kvm" | "tcg" | undefined;
  /** Where `init` installs it */
  readonly installDir: string;
  /** The program to use (default: the installed one, else the one in `PATH`) */
  readonly binary?: string | undefined;
  /** Whether VMMs are jailed where they can be (default: `true`) */
  readonly jail?: boolean | undefined;
}

/** What this host runs guests with. */
export interface FoundFirecracker {
  readonly binary: string;
  readonly version: FirecrackerVersion;
  readonly features: FirecrackerFeatures;
  /** Firecracker's jailer, where it is there, this is root, and nobody minds */
  readonly jailer?: string | undefined;
  /** Whether this host's control groups can be used */
  readonly cgroups: boolean;
  /** Path of util-linux's `unshare` */
  readonly unshare: string;
}

/** Looks for Firecracker on this host. @throws {BandSoxError} `engine_unavailable` with the reason */
export function findFirecracker(options: FindFirecrackerOptions): FoundFirecracker {
  const binary = locateFirecracker(options);
  if (!binary) {
    const given = options.binary === undefined ? "" : `${options.binary} is no program; `;
    throw unavailable(`${given}it is not installed: \`bandsox init\` installs it`);
  }
  const { kvm, acceleration } = options;
  if (acceleration === "tcg") throw unavailable("it needs KVM, and emulation was asked for");
  if (acceleration !== "kvm" && !kvm.usable) throw unavailable(`it needs KVM, and ${kvm.reason}`);
  const version = versionOf(binary);
  if (!isAtLeast(version, OLDEST_VERSION)) {
    const oldest = formatVersion(OLDEST_VERSION);
    throw unavailable(
      `${binary} is version ${formatVersion(version)}, and what machines are made and saved with is there since ${oldest}`,
    );
  }
  const jailer = options.jail === false ? undefined : findJailer(binary);
  const unshare = findTool("unshare") ?? "unshare";
  return { binary, version, features: featuresOf(version), jailer, cgroups: hasCgroups(), unshare };
}

/** The jailer that belongs to a Firecracker: the one beside it. Only root can use it. */
export function findJailer(binary: string, uid = process.getuid?.()): string | undefined {
  if (uid !== 0) return undefined;
  return executableAt(join(dirname(realpathSync(binary)), "jailer"));
}

/** Whether control groups of version 2 with what limits a VMM are there to be made. */
export function hasCgroups(root = "/sys/fs/cgroup"): boolean {
  try {
    accessSync(root, constants.W_OK);
    const controllers = readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
    return ["cpu", "memory", "pids"].every((controller) => controllers.includes(controller));
  } catch {
    return false; // version 1, or not mounted for us
  }
}

/** Where Firecracker is, whether it can be used or not. */
export function locateFirecracker({
  binary,
  installDir,
}: Pick<FindFirecrackerOptions, "binary" | "installDir">): string | undefined {
  if (binary !== undefined) return executableAt(binary);
  return executableAt(join(installDir, "firecracker")) ?? findTool("firecracker");
}

const known = new Map<string, FirecrackerVersion>();

/** Asks a program once; another file under its name is another program. */
function versionOf(binary: string): FirecrackerVersion {
  const path = realpathSync(binary);
  const { size, mtimeMs } = statSync(path);
  const key = JSON.stringify([path, size, mtimeMs]);
  const version = known.get(key) ?? askVersion(binary);
  if (!version) throw unavailable(`${binary} does not run here, or does not tell its version`);
  known.set(key, version);
  return version;
}

function unavailable(reason: string): BandSoxError {
  return new BandSoxError("engine_unavailable", `cannot use the firecracker engine: ${reason}`, {
    engine: "firecracker",
    reason,
  });
}
