import type { VmSpec } from "@bandsox/contract";
import type { DiskLimits } from "../engine/engine.ts";

/** What a VM says of its disk's limits; the rest is the engine's. */
export function diskLimitsOf({
  diskBandwidthMbps: bandwidthMbps,
  diskIops: iops,
}: Pick<VmSpec, "diskBandwidthMbps" | "diskIops">): Partial<DiskLimits> {
  return {
    ...(bandwidthMbps === undefined ? {} : { bandwidthMbps }),
    ...(iops === undefined ? {} : { iops }),
  };
}
