import { parseImageSource } from "../image/image-source.ts";
import type { ImagePin } from "../store/image-catalog.ts";
import type { VmRecords } from "../store/vm-records.ts";

/** The images that VMs stand on, in whatever state: a stopped VM needs its base disk to start again. */
export function vmImagePins(records: Pick<VmRecords, "list">): ImagePin[] {
  return records.list().flatMap(({ id, imageDigest, state, spec }): ImagePin[] => {
    if (imageDigest !== undefined) return [{ by: id, digest: imageDigest }];
    return state === "creating" ? [{ by: id, reference: parseImageSource(spec.image).reference }] : [];
  });
}
