import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { contentName } from "../content-name.ts";
import type { MachineSpec } from "../engine.ts";
import { processor } from "../processor.ts";
import { formatVersion } from "./capabilities.ts";
import type { FoundFirecracker } from "./find-firecracker.ts";
import { bootRequests, type MachineConfigOptions } from "./machine-config.ts";

/**
 * Names everything a saved machine of Firecracker's depends on besides its disks and their limits: how it is made, the
 * program, the processor it runs on, and the boot files, which are found by their content.
 */
export function firecrackerShape(
  { binary, version, features }: FoundFirecracker,
  machine: Omit<MachineSpec, "baseDisk" | "layerDisk">,
  how: Pick<MachineConfigOptions, "transport" | "serial" | "vsockPath">,
): string {
  const { vcpu, memMib, nic } = machine;
  const kernel = {
    vmlinux: contentName(machine.vmlinuxPath),
    initramfs: contentName(machine.initramfsPath),
  };
  const requests = bootRequests({
    ...{ machine: { vcpu, memMib }, kernel, features },
    tap: nic && { name: "tap", guestMac: nic.mac },
    ...{ ...how, limits: { bandwidthMbps: 0, iops: 0 } },
  });
  const { size, mtimeMs } = statSync(realpathSync(binary));
  return createHash("sha256")
    .update(JSON.stringify([requests, formatVersion(version), size, mtimeMs, processor()]))
    .digest("hex")
    .slice(0, 32);
}
