import type { ImagePin } from "../store/image-catalog.ts";
import type { PoolRecords } from "../store/pool-records.ts";

/** The images that VMs of pools stand on. */
export function poolImagePins(pools: Pick<PoolRecords, "vms">): ImagePin[] {
  return pools.vms().map(({ poolId, imageDigest }) => ({ by: poolId, digest: imageDigest }));
}
