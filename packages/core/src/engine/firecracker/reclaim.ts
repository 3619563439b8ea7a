import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import type { VmPaths } from "../../host/paths.ts";
import { control } from "../control.ts";

/** What Firecracker says of a device that no driver in the guest has taken (its `DeviceNotActive`) */
const NO_DRIVER = /device not activated/i;

/** Takes so many MiB of a guest's memory for the host. @throws {BandSoxError} `vm_control_failed` */
export async function reclaim(paths: VmPaths, mib: number): Promise<void> {
  try {
    await control(paths, { action: "reclaim", mib });
  } catch (error) {
    throw explainReclaim(error);
  }
}

/** A failure to take memory back, with what there is to do where the guest's kernel cannot give any. */
export function explainReclaim(error: unknown): unknown {
  if (!isBandSoxError(error, "vm_control_failed") || !NO_DRIVER.test(error.message)) return error;
  const message =
    "cannot take memory back: the guest's kernel has no virtio-balloon driver, or has not come to it yet; Debian's cloud kernel has none, give another by `bandsox init --kernel-url`";
  return new BandSoxError("vm_control_failed", message, error.details, { cause: error });
}
