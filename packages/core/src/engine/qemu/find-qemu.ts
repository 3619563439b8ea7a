import { BandSoxError } from "@bandsox/contract";
import { type KvmVerdict, tscKhz } from "../../host/acceleration.ts";
import { findTool } from "../../host/find-tool.ts";
import type { Acceleration, QemuTransport } from "./command-line.ts";

const BINARY = "qemu-system-x86_64";

export interface FindQemuOptions {
  readonly kvm: KvmVerdict;
  /** What the user insists on (default: KVM where it works, else TCG) */
  readonly acceleration?: "kvm" | "tcg" | undefined;
  /** How guests are reached (default: `virtio-serial`) */
  readonly transport?: QemuTransport | undefined;
}

/** What this host runs guests with. */
export interface FoundQemu {
  /** QEMU's system emulator for this architecture */
  readonly binary: string;
  readonly acceleration: Acceleration;
  readonly transport: QemuTransport;
}

/** Looks for QEMU on this host. @throws {BandSoxError} `engine_unavailable` with the reason */
export function findQemu(options: FindQemuOptions): FoundQemu {
  if (process.arch !== "x64")
    throw unavailable(`QEMU's microvm machine is for x86-64, and this host is ${process.arch}`);
  const binary = findTool(BINARY);
  if (!binary) throw unavailable(`${BINARY} is not installed (package qemu-system-x86)`);
  const { transport = "virtio-serial" } = options;
  return { binary, transport, acceleration: chooseAcceleration(options) };
}

/** KVM where it really works or is insisted on, emulation elsewhere. */
function chooseAcceleration({ kvm, acceleration }: FindQemuOptions): Acceleration {
  if (acceleration === "kvm" || (acceleration === undefined && kvm.usable)) return { kind: "kvm" };
  const khz = tscKhz();
  if (khz === undefined)
    throw unavailable("the host's TSC frequency is not in /proc/cpuinfo, and emulation needs it");
  return { kind: "tcg", tscKhz: khz };
}

function unavailable(reason: string): BandSoxError {
  return new BandSoxError("engine_unavailable", `cannot use the qemu engine: ${reason}`, {
    engine: "qemu",
    reason,
  });
}
