import { isBandSoxError } from "@bandsox/contract";
import type { BandSox, OfflineFiles, Vm } from "bandsox";
import type { Admission } from "./admission.ts";
import type { AuthStore } from "./auth/auth-store.ts";
import type { Metrics } from "./metrics.ts";

/** What the routes serve. */
export interface Served {
  readonly bandsox: BandSox;
  /** Who may call; without it everyone who reaches the server */
  readonly auth?: AuthStore | undefined;
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** The directory that is served (default: as for `BandSox`) */
  readonly storageDir?: string | undefined;
}

/** Uses the files of a VM: those of a running guest, or those on the disks of one that does not run. */
export async function withFiles<T>(
  { bandsox }: Served,
  vm: Vm,
  use: { online: (files: Vm["files"]) => Promise<T>; offline: (files: OfflineFiles) => Promise<T> },
): Promise<T> {
  const { state } = await vm.info();
  if (state !== "stopped" && state !== "failed") return use.online(vm.files);
  try {
    await using disks = await bandsox.openVmDisks(vm.id);
    return await use.offline(disks.files);
  } catch (error) {
    // Somebody started it between the two looks.
    if (isBandSoxError(error, "vm_wrong_state")) return use.online(vm.files);
    throw error;
  }
}
