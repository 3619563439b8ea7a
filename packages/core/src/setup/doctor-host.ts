import { readFileSync } from "node:fs";
import { judgeKvm, type KvmVerdict, kvmEvidence, tscKhz } from "../host/acceleration.ts";
import type { DoctorCheck } from "./doctor-check.ts";

const ADVISED_MEMORY_MIB = 1024;
const MIB = 1024;

/** Reports whether KVM works; without it guests are emulated, so it is never required. */
export function checkKvm(verdict: KvmVerdict = judgeKvm(kvmEvidence())): DoctorCheck {
  if (verdict.usable) return { id: "kvm", level: "advised", ok: true, found: "usable" };
  return {
    id: "kvm",
    level: "advised",
    ok: false,
    found: `${verdict.reason}; guests are emulated (TCG), which is many times slower`,
    remedy: "turn on virtualisation in the firmware or the cloud's settings, and join the group kvm",
  };
}

/** Reports the memory VMs can have. */
export function checkMemory(meminfo = readFileSync("/proc/meminfo", "utf8")): DoctorCheck {
  const availableMib = Math.floor(Number(/^MemAvailable:\s*(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) / MIB);
  const ok = availableMib >= ADVISED_MEMORY_MIB;
  const found = `${availableMib} MiB available`;
  return {
    id: "memory",
    level: "advised",
    ok,
    found,
    ...(ok ? {} : { remedy: "free memory, or run small VMs" }),
  };
}

/** Reports the TSC frequency emulated guests are told, without which their clock may run at a wrong pace. */
export function checkTscKhz(
  khz: number | undefined = process.arch === "x64" ? tscKhz() : undefined,
): DoctorCheck {
  const base = { id: "tsc", level: "advised" } as const;
  if (process.arch !== "x64") return { ...base, ok: true, found: "not needed on this processor" };
  if (khz) return { ...base, ok: true, found: `${khz} kHz` };
  const remedy = "mount /proc; without it the clock of emulated guests may be wrong";
  return { ...base, ok: false, found: "unknown: /proc/cpuinfo shows no bogomips", remedy };
}
