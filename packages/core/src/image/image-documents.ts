import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { StoragePaths } from "../host/paths.ts";

const Descriptor = z.object({ digest: z.string(), size: z.int().min(0), mediaType: z.string().default("") });
const Manifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const text = z.string().nullish();
const ConfigFile = z.object({
  os: text,
  architecture: text,
  variant: text,
  created: text,
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
  history: z
    .array(z.object({ created: text, created_by: text, comment: text, empty_layer: z.boolean().nullish() }))
    .nullish(),
});
export type ImageManifest = z.infer<typeof Manifest>;
export type ImageConfigFile = z.infer<typeof ConfigFile>;

/** An image's documents as the store has them; the helper verified both when it stored them. */
export interface ImageDocuments {
  readonly manifest: ImageManifest;
  readonly config: ImageConfigFile;
  /** Every blob the image consists of, with its size in bytes */
  readonly blobs: ReadonlyMap<string, number>;
}

/** Reads an image's documents; `undefined` for a ready-made disk, which has none. */
export async function readDocuments(
  paths: StoragePaths,
  digest: string,
): Promise<ImageDocuments | undefined> {
  const raw = await readBlob(paths, digest);
  if (!raw) return undefined;
  const manifest = Manifest.parse(JSON.parse(raw.toString()));
  const rawConfig = await readBlob(paths, manifest.config.digest);
  if (!rawConfig) return undefined;
  const parts = [manifest.config, ...manifest.layers].map(({ digest, size }) => [digest, size] as const);
  return {
    manifest,
    config: ConfigFile.parse(JSON.parse(rawConfig.toString())),
    blobs: new Map([[digest, raw.length], ...parts]),
  };
}

/** The directory of complete blobs, each named by the hexadecimal part of its digest. */
export function blobsDir(paths: StoragePaths): string {
  return join(paths.imageStore, "blobs", "sha256");
}

async function readBlob(paths: StoragePaths, digest: string): Promise<Buffer | undefined> {
  return readFile(join(blobsDir(paths), digest.replace("sha256:", ""))).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
}
