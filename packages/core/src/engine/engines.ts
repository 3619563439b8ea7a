import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import { judgeKvm, kvmEvidence } from "../host/acceleration.ts";
import type { DiskLimits, Engine } from "./engine.ts";
import { findFirecracker, locateFirecracker } from "./firecracker/find-firecracker.ts";
import { firecrackerEngine } from "./firecracker/firecracker-engine.ts";
import type { Launcher } from "./launcher.ts";
import { findQemu } from "./qemu/find-qemu.ts";
import { qemuEngine } from "./qemu/qemu-engine.ts";

/** What a user may say about engines; all of it about VMs that are started from now on. */
export interface EngineSettings {
  /** Engine for new VMs (default: `firecracker` where it can run, else `qemu`) */
  readonly engine?: string | undefined;
  /** `kvm` or `tcg` (default: KVM where it really works) */
  readonly acceleration?: "kvm" | "tcg" | undefined;
  /**
   * The longest a guest may take until its agent answers, in ms (default: 30 s with KVM, 60 s of Firecracker's, 180 s
   * emulated). For hosts that are virtual themselves, on which KVM works and is slow
   */
  readonly bootTimeoutMs?: number | undefined;
  /** How guests are reached; what an engine has not is its default (`vsock` for firecracker, `virtio-serial` for qemu) */
  readonly transport?: "vsock" | "virtio-serial" | "serial" | undefined;
  /** Path of Firecracker (default: the installed one, else the one in `PATH`) */
  readonly firecracker?: string | undefined;
  /** Whether Firecracker runs in its jailer where it can: as root, where there is one (default: `true`) */
  readonly jail?: boolean | undefined;
  /**
   * Directory under which every Firecracker finds its vsock socket, in a mount namespace of its own; for root (default:
   * none, each has its socket in its VM's directory)
   */
  readonly vsockIsolationDir?: string | undefined;
  /** Whether guests of Firecracker have a serial line (default: `true`) */
  readonly serial?: boolean | undefined;
  /** What a disk may move where its VM does not say (default: 200 MiB/s, 5000 operations/s) */
  readonly diskLimits?: Partial<DiskLimits> | undefined;
  /** How many times longer than on an idle machine with KVM Firecracker's guests may take (default: `1`) */
  readonly patience?: number | undefined;
}

export interface OpenEnginesOptions {
  readonly settings: EngineSettings;
  readonly launcher: Launcher;
  /** Where `init` installs Firecracker */
  readonly installDir: string;
  readonly warn: (message: string) => void;
}

/** What is meant where nobody says anything else. */
const DISK_LIMITS: DiskLimits = { bandwidthMbps: 200, iops: 5000 };

/** The engines of this version. */
export interface Engines {
  /** @throws {BandSoxError} `engine_unavailable` when there is none of that name */
  engine(name: string): Engine;
  /** The engine for new VMs. @throws {BandSoxError} `engine_unavailable` when it cannot start any here */
  defaultEngine(): Engine;
}

export function openEngines(options: OpenEnginesOptions): Engines {
  const { settings } = options;
  const all = [firecrackerOf(options), qemuOf(options)];
  const engine = (name: string): Engine => {
    const found = all.find((candidate) => candidate.name === name);
    if (found) return found;
    const reason = `this version has ${all.map((one) => one.name).join(" and ")}`;
    const message = `cannot use the engine ${JSON.stringify(name)}: ${reason}`;
    throw new BandSoxError("engine_unavailable", message, { engine: name, reason });
  };
  const defaultEngine = () => {
    const name = settings.engine ?? (isFirecrackerUsable(options) ? "firecracker" : "qemu");
    const chosen = engine(name);
    chosen.check();
    return chosen;
  };
  return { engine, defaultEngine };
}

/** Whether Firecracker is there and can run. One that is there for nothing is told of, unless that is for want of KVM. */
function isFirecrackerUsable(options: OpenEnginesOptions): boolean {
  const found = foundFirecracker(options);
  if (!locateFirecracker(found) || found.acceleration === "tcg") return false;
  if (found.acceleration !== "kvm" && !found.kvm.usable) return false;
  try {
    findFirecracker(found);
    return true;
  } catch (error) {
    if (!isBandSoxError(error, "engine_unavailable")) throw error;
    options.warn(`${error.message}; using qemu instead`);
    return false;
  }
}

function foundFirecracker({ settings, installDir }: OpenEnginesOptions) {
  const { acceleration, firecracker: binary, jail } = settings;
  return { kvm: judgeKvm(kvmEvidence()), acceleration, binary, jail, installDir };
}

function firecrackerOf(options: OpenEnginesOptions): Engine {
  const { launcher, warn, settings } = options;
  const {
    transport,
    serial,
    patience,
    bootTimeoutMs,
    diskLimits,
    vsockIsolationDir: isolationDir,
  } = settings;
  return firecrackerEngine({
    ...{ launcher, warn, serial, patience, bootTimeoutMs, isolationDir },
    find: () => findFirecracker(foundFirecracker(options)),
    transport: transport === "virtio-serial" ? undefined : transport,
    diskLimits: { ...DISK_LIMITS, ...diskLimits },
  });
}

function qemuOf({ launcher, settings }: OpenEnginesOptions): Engine {
  const { acceleration, bootTimeoutMs } = settings;
  const transport = settings.transport === "vsock" ? undefined : settings.transport;
  return qemuEngine({
    ...{ launcher, bootTimeoutMs },
    find: () => findQemu({ kvm: judgeKvm(kvmEvidence()), acceleration, transport }),
  });
}
