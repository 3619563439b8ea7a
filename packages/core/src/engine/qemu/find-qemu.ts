import { BandSoxError } from "@bandsox/contract";
import { type KvmVerdict, tscKhz } from "../../host/acceleration.ts";
import { findTool } from "../../host/find-tool.ts";
import type { HelperPaths } from "../../host/paths.ts";
import type { Engine } from "../engine.ts";
import type { Acceleration, QemuTransport } from "./command-line.ts";
import { qemuEngine } from "./qemu-engine.ts";

const BINARY = "qemu-system-x86_64";

export interface FindQemuOptions {
  readonly helpers: HelperPaths;
  readonly kvm: KvmVerdict;
  /** What the user insists on (default: KVM where it works, else TCG) */
  readonly acceleration?: "kvm" | "tcg" | undefined;
  /** How guests are reached (default: `virtio-serial`) */
  readonly transport?: QemuTransport | undefined;
}

/** The `qemu` engine on this host. @throws {BandSoxError} `engine_unavailable` with the reason */
export function findQemu(options: FindQemuOptions): Engine {
  if (process.arch !== "x64")
    throw unavailable(`QEMU's microvm machine is for x86-64, and this host is ${process.arch}`);
  const binary = findTool(BINARY);
  if (!binary) throw unavailable(`${BINARY} is not installed (package qemu-system-x86)`);
  const { helpers, transport = "virtio-serial" } = options;
  return qemuEngine({ binary, helpers, transport, acceleration: chooseAcceleration(options) });
}

/** KVM where it really works or is insisted on, emulation elsewhere. */
export function chooseAcceleration({
  kvm,
  acceleration,
}: Pick<FindQemuOptions, "kvm" | "acceleration">): Acceleration {
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
