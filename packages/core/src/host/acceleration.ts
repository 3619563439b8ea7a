import { closeSync, openSync, readFileSync } from "node:fs";

/** What `/dev/kvm` is worth on this host, and why. */
export type KvmVerdict = { readonly usable: true } | { readonly usable: false; readonly reason: string };

export interface KvmEvidence {
  readonly architecture: string;
  /** Why `/dev/kvm` cannot be opened for reading and writing; absent when it can */
  readonly openError?: string | undefined;
  readonly cpuFlags: readonly string[];
}

/**
 * Decides whether KVM really works. The device existing is not enough: on x86 some hosts offer a paravirtual
 * `/dev/kvm` on which ordinary kernels hang, told by the missing `vmx` or `svm` flag.
 */
export function judgeKvm(evidence: KvmEvidence): KvmVerdict {
  if (evidence.openError) return { usable: false, reason: evidence.openError };
  const hasVirtualisation = evidence.cpuFlags.includes("vmx") || evidence.cpuFlags.includes("svm");
  if (evidence.architecture === "x64" && !hasVirtualisation) {
    return {
      usable: false,
      reason:
        "/dev/kvm exists, but the processor shows neither vmx nor svm: ordinary guest kernels hang on it",
    };
  }
  return { usable: true };
}

/** Looks at this host. */
export function kvmEvidence(): KvmEvidence {
  return { architecture: process.arch, openError: kvmOpenError(), cpuFlags: cpuFlags() };
}

function kvmOpenError(): string | undefined {
  try {
    closeSync(openSync("/dev/kvm", "r+"));
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return "there is no /dev/kvm";
    if (code === "EACCES" || code === "EPERM") return "/dev/kvm may not be opened by this user (group kvm)";
    return `/dev/kvm cannot be opened: ${code}`;
  }
}

function cpuFlags(): string[] {
  const line = /^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"));
  return line?.[1]?.split(" ") ?? [];
}

/**
 * The host's TSC frequency in kHz, which TCG's guests must be told. Measured by the kernel: BogoMIPS is twice the
 * calibrated TSC frequency in MHz, where `cpu MHz` follows the momentary clock.
 */
export function tscKhz(cpuinfo = readFileSync("/proc/cpuinfo", "utf8")): number | undefined {
  const line = /^bogomips\s*:\s*([0-9.]+)$/m.exec(cpuinfo);
  return line?.[1] ? Math.round((Number(line[1]) / 2) * 1000) : undefined;
}
