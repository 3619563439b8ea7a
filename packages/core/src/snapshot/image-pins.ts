import type { ImagePin } from "../store/image-catalog.ts";
import type { SnapshotRecords } from "../store/snapshot-records.ts";

/** The images that snapshots stand on: what goes on from one needs its base disk. */
export function snapshotImagePins(snapshots: Pick<SnapshotRecords, "list">): ImagePin[] {
  return snapshots.list().map(({ id, manifest }) => ({ by: id, digest: manifest.imageDigest }));
}
