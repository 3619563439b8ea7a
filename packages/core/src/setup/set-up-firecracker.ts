import { isBandSoxError } from "@bandsox/contract";
import { judgeKvm, kvmEvidence } from "../host/acceleration.ts";
import { storagePaths } from "../host/paths.ts";
import {
  type GivenFirecracker,
  type InstalledFirecracker,
  installFirecracker,
} from "./install-firecracker.ts";
import type { OnSetupStep } from "./setup-step.ts";

export type { GivenFirecracker, InstalledFirecracker };

export interface SetUpFirecrackerOptions {
  readonly storageDir: string;
  readonly refresh?: boolean | undefined;
  readonly onProgress?: OnSetupStep | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs Firecracker as `init` does: what is asked for has to succeed; unasked it is installed where KVM works and it
 * can be had, for VMs run on QEMU without it.
 *
 * @returns nothing when it was left out
 * @throws {BandSoxError} as `installFirecracker`, for what is asked for
 */
export async function setUpFirecracker(
  given: GivenFirecracker | undefined,
  { storageDir, ...how }: SetUpFirecrackerOptions,
): Promise<InstalledFirecracker | undefined> {
  const { firecrackerDir: installDir } = storagePaths(storageDir);
  if (given) return installFirecracker({ ...given, ...how, installDir });
  const report = how.onProgress ?? (() => {});
  const kvm = judgeKvm(kvmEvidence());
  if (!kvm.usable) {
    report({ step: "firecracker", state: "failed", text: `left out: it needs KVM, and ${kvm.reason}` });
    return undefined;
  }
  try {
    return await installFirecracker({ ...how, installDir });
  } catch (error) {
    if (!isBandSoxError(error, "engine_unavailable")) throw error;
    report({ step: "firecracker", state: "failed", text: `${error.message}; VMs run on QEMU` });
    return undefined;
  }
}
