import { z } from "zod";

/** One image of the store. */
export const ImageInfo = z.object({
  /** Digest of its manifest; of its bytes for a ready-made disk */
  digest: z.string(),
  /** Names it goes by; none when a newer image took them over */
  references: z.array(z.string()),
  /** `os/arch[/variant]`; absent for a ready-made disk */
  platform: z.string().optional(),
  /** Its compressed layers and documents, bytes */
  sizeBytes: z.int(),
  /** What of `sizeBytes` other images of the store have too */
  sharedBytes: z.int(),
  /** What its base disk occupies; 0 until a VM needs it */
  diskBytes: z.int(),
  /** Ids of the VMs, snapshots and pooled VMs that stand on it */
  usedBy: z.array(z.string()),
  /** When the store got it, ISO 8601 */
  createdAt: z.string(),
});
export type ImageInfo = z.infer<typeof ImageInfo>;

/** What an image says of itself. */
export const ImageDetails = ImageInfo.extend({
  /** When it was built, ISO 8601; absent when it does not say */
  builtAt: z.string().optional(),
  layers: z.array(z.object({ digest: z.string(), mediaType: z.string(), sizeBytes: z.int() })),
  config: z.object({
    env: z.array(z.string()),
    workingDir: z.string(),
    user: z.string(),
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
  }),
  labels: z.record(z.string(), z.string()),
});
export type ImageDetails = z.infer<typeof ImageDetails>;

/** One step of how an image was built, the first step first. */
export const ImageHistoryEntry = z.object({
  createdBy: z.string(),
  comment: z.string(),
  /** ISO 8601; absent when it does not say */
  builtAt: z.string().optional(),
  /** Compressed bytes of the layer it made; 0 when it made none */
  sizeBytes: z.int(),
});
export type ImageHistoryEntry = z.infer<typeof ImageHistoryEntry>;

/** What the image store occupies; what images share is counted once. */
export const ImageUsage = z.object({
  /** Layers and documents */
  blobBytes: z.int(),
  /** Base disks */
  diskBytes: z.int(),
});
export type ImageUsage = z.infer<typeof ImageUsage>;

/** What was removed from the image store. */
export const ImageRemoval = z.object({
  /** Names that are gone */
  references: z.array(z.string()),
  /** Digests of the images that are gone */
  digests: z.array(z.string()),
  freedBytes: z.int(),
});
export type ImageRemoval = z.infer<typeof ImageRemoval>;
