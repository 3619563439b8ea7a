import type { ImageDetails, ImageHistoryEntry, ImageInfo } from "@bandsox/contract";
import type { StoragePaths } from "../host/paths.ts";
import type { CatalogEntry, ImagePin } from "../store/image-catalog.ts";
import { type ImageDocuments, readDocuments } from "./image-documents.ts";
import { allocatedBytes } from "./image-files.ts";
import { baseDiskPath } from "./image-store.ts";

/** An image's row with what its documents say. */
export interface StoredImage {
  readonly entry: CatalogEntry;
  readonly documents: ImageDocuments | undefined;
}

/** Reads the documents of images. */
export async function readImages(
  paths: StoragePaths,
  entries: readonly CatalogEntry[],
): Promise<StoredImage[]> {
  const images: StoredImage[] = [];
  for (const entry of entries) images.push({ entry, documents: await readDocuments(paths, entry.digest) });
  return images;
}

/** Describes every image, with its bytes told apart from those others have too. */
export async function toImageInfos(
  paths: StoragePaths,
  images: readonly StoredImage[],
  pins: readonly ImagePin[],
): Promise<ImageInfo[]> {
  const owners = new Map<string, number>();
  for (const { documents } of images)
    for (const digest of documents?.blobs.keys() ?? []) owners.set(digest, (owners.get(digest) ?? 0) + 1);
  const infos: ImageInfo[] = [];
  for (const { entry, documents } of images) {
    const blobs = [...(documents?.blobs ?? [])];
    const platform = documents && platformOf(documents);
    infos.push({
      digest: entry.digest,
      references: [...entry.references],
      ...(platform === undefined ? {} : { platform }),
      sizeBytes: sum(blobs),
      sharedBytes: sum(blobs.filter(([digest]) => (owners.get(digest) ?? 0) > 1)),
      diskBytes: await allocatedBytes(baseDiskPath(paths, entry.digest)),
      usedBy: usersOf(entry, pins),
      createdAt: entry.createdAt,
    });
  }
  return infos;
}

/** Who keeps an image. */
export function usersOf(entry: CatalogEntry, pins: readonly ImagePin[]): string[] {
  const isOurs = ({ digest, reference }: ImagePin) =>
    digest === entry.digest || (digest === undefined && entry.references.includes(reference ?? ""));
  return pins.filter(isOurs).map(({ by }) => by);
}

/** Everything an image says of itself. */
export function toImageDetails({ entry, documents }: StoredImage, info: ImageInfo): ImageDetails {
  const layers = documents?.manifest.layers ?? [];
  return {
    ...info,
    ...builtAt(documents?.config.created),
    layers: layers.map(({ digest, mediaType, size }) => ({ digest, mediaType, sizeBytes: size })),
    config: entry.config,
    labels: documents?.config.config?.Labels ?? {},
  };
}

/** How an image was built, with the layer each step made. */
export function toHistory({ documents }: StoredImage): ImageHistoryEntry[] {
  const layers = [...(documents?.manifest.layers ?? [])];
  return (documents?.config.history ?? []).map((step) => ({
    createdBy: step.created_by ?? "",
    comment: step.comment ?? "",
    ...builtAt(step.created),
    sizeBytes: step.empty_layer ? 0 : (layers.shift()?.size ?? 0),
  }));
}

function platformOf({ config: { os, architecture, variant } }: ImageDocuments): string | undefined {
  const parts = [os, architecture, variant].filter((part) => part);
  return parts.length < 2 ? undefined : parts.join("/");
}

function builtAt(created: string | null | undefined) {
  return created ? { builtAt: created } : {};
}

function sum(blobs: readonly (readonly [string, number])[]): number {
  return blobs.reduce((total, [, size]) => total + size, 0);
}
