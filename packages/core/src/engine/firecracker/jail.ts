import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { LAYER_APPARENT_BYTES } from "../../disk/apparent-size.ts";
import type { VmPaths } from "../../host/paths.ts";

const MIB = 1024 ** 2;
/** User ids for VMs begin here; what system tools hand out lies below */
const FIRST_UID = 0x7000_0000;
const UID_BITS = 27;
const PARENT_CGROUP = "bandsox";
const CGROUP_ROOT = "/sys/fs/cgroup";
const CPU_PERIOD_US = 100_000;
/** What a VMM needs beside its guest's memory and processors */
const OVERHEAD = { memoryMib: 256, cpuPercent: 50, tasks: 64 } as const;
const OPEN_FILES = 2048;

/** What a VMM is confined to. Everything follows from the VM's directory, so whoever cleans up finds it again. */
export interface Jail {
  /** Also the instance's id */
  readonly id: string;
  /** Of this VM alone, and of its group */
  readonly uid: number;
  /** Directory the jailer makes its own under */
  readonly base: string;
  /** The VMM's root directory */
  readonly root: string;
  /** The same, as seen from the VM's directory */
  readonly relativeRoot: string;
  readonly cgroup: string;
}

/** Plans the jail of a VMM. `execName` is the file name of the program. */
export function planJail(paths: Pick<VmPaths, "dir" | "jail">, execName: string): Jail {
  const hash = createHash("sha256").update(paths.dir).digest();
  const name = basename(paths.dir).replaceAll(/[^A-Za-z0-9-]/g, "-");
  const id = `${name.slice(0, 40)}-${hash.toString("hex").slice(0, 12)}`;
  const relativeRoot = join(basename(paths.jail), execName, id, "root");
  return {
    id,
    uid: FIRST_UID + (hash.readUInt32BE(12) >>> (32 - UID_BITS)),
    base: paths.jail,
    root: join(paths.dir, relativeRoot),
    relativeRoot,
    cgroup: join(CGROUP_ROOT, PARENT_CGROUP, id),
  };
}

export interface JailerCommandOptions {
  readonly jailer: string;
  readonly binary: string;
  readonly jail: Jail;
  readonly machine: { readonly vcpu: number; readonly memMib: number };
  /** Whether this host's control groups can be used */
  readonly cgroups: boolean;
  /** Firecracker's own arguments */
  readonly args: readonly string[];
}

/** The jailer's command line: chroot, a user of the VM's own, and limits. */
export function jailerCommandLine(options: JailerCommandOptions): string[] {
  const { jailer, binary, jail, machine, cgroups, args } = options;
  return [
    jailer,
    ...["--id", jail.id, "--exec-file", binary],
    ...["--uid", `${jail.uid}`, "--gid", `${jail.uid}`],
    ...["--chroot-base-dir", jail.base],
    ...(cgroups ? cgroupArguments(machine) : []),
    ...["--resource-limit", `no-file=${OPEN_FILES}`],
    ...["--resource-limit", `fsize=${Math.max(LAYER_APPARENT_BYTES, machine.memMib * MIB)}`],
    "--",
    ...args,
  ];
}

function cgroupArguments({ vcpu, memMib }: JailerCommandOptions["machine"]): string[] {
  const cpuUs = (CPU_PERIOD_US * (vcpu * 100 + OVERHEAD.cpuPercent)) / 100;
  const limits = [
    `cpu.max=${cpuUs} ${CPU_PERIOD_US}`,
    `memory.max=${(memMib + OVERHEAD.memoryMib) * MIB}`,
    `pids.max=${vcpu + OVERHEAD.tasks}`,
  ];
  return [
    ...["--cgroup-version", "2", "--parent-cgroup", PARENT_CGROUP],
    ...limits.flatMap((limit) => ["--cgroup", limit]),
  ];
}
