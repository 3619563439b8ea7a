import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arch } from "node:process";
import { helperPaths, storagePaths } from "../host/paths.ts";
import { type CniPlaceOptions, cniPlaces } from "../network/cni-places.ts";
import type { DoctorCheck } from "./doctor-check.ts";
import { checkCni } from "./doctor-cni.ts";
import { checkFirecracker } from "./doctor-firecracker.ts";
import { checkKvm, checkMemory, checkTscKhz } from "./doctor-host.ts";
import { checkNetworks } from "./doctor-networks.ts";
import { checkFreeSpace, checkKernel, checkReflink, checkStorage } from "./doctor-storage.ts";
import { checkHelper, checkIdentity, checkTool } from "./doctor-tools.ts";
import { provideHelpers } from "./packed-helpers.ts";

export interface DoctorOptions extends CniPlaceOptions {
  readonly storageDir: string;
  /** Where the Go helpers are (default: as `provideHelpers` has it) */
  readonly binDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
  /** Whether every required check is ok */
  readonly canRunVms: boolean;
}

const VERSION_ARGS = ["--version"];
const QEMU = arch === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64";
const QEMU_PACKAGE = arch === "arm64" ? "qemu-system-arm" : "qemu-system-x86";

/** Looks at everything VMs need from this machine. Changes nothing; a failing check is a result, never an error. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const { storageDir, signal } = options;
  await using scratch = await mkdtempDisposable(join(tmpdir(), "bandsox-doctor-"));
  // What an installed package has packed is looked at where it leaves nothing.
  const helpers = helperPaths(options.binDir ?? (await provideHelpers(scratch.path, process.env)));
  const tool = (name: string, rest: Omit<Parameters<typeof checkTool>[1], "signal">) =>
    checkTool(name, { ...rest, signal });
  const checks = await Promise.all([
    checkKvm(),
    tool(QEMU, { level: "required", package: QEMU_PACKAGE, versionArgs: VERSION_ARGS }),
    checkFirecracker(storageDir),
    tool("mke2fs", { level: "required", package: "e2fsprogs", versionArgs: ["-V"] }),
    tool("debugfs", { level: "required", package: "e2fsprogs", versionArgs: ["-V"] }),
    checkHelper("agent", helpers.agent),
    checkHelper("supervise", helpers.supervise),
    checkHelper("image", helpers.image),
    checkHelper("network", helpers.network),
    checkStorage(storageDir),
    checkKernel(storageDir),
    checkFreeSpace(storageDir),
    checkReflink(storageDir, signal),
    checkMemory(),
    checkTscKhz(),
    checkIdentity(),
    checkNetworks(),
    checkCni(cniPlaces(options, storagePaths(storageDir).cniBinDir)),
    tool("depmod", { level: "advised", package: "kmod", note: "for `bandsox init` with a kernel package" }),
    tool("mmdebstrap", {
      level: "advised",
      package: "mmdebstrap",
      note: "for building images without a registry",
    }),
  ]);
  return { checks, canRunVms: checks.every((check) => check.ok || check.level === "advised") };
}
