import { rm } from "node:fs/promises";
import {
  BandSoxError,
  type ImageDetails,
  type ImageHistoryEntry,
  type ImageInfo,
  type ImageRemoval,
  type ImageUsage,
} from "@bandsox/contract";
import type { Operations } from "../base/operations.ts";
import type { StoragePaths } from "../host/paths.ts";
import type { CatalogEntry, ImageCatalog, ImagePin } from "../store/image-catalog.ts";
import type { ImageGuard } from "../store/image-guard.ts";
import type { Staging } from "../store/staging.ts";
import { type BuildOptions, buildDir, buildImage } from "./build/build-image.ts";
import { measureFiles, sweepFiles } from "./image-files.ts";
import {
  readImages,
  type StoredImage,
  toHistory,
  toImageDetails,
  toImageInfos,
  usersOf,
} from "./image-listing.ts";
import { parseImageSource } from "./image-source.ts";
import type { FetchOptions, ImageStore, ImportedConfig } from "./image-store.ts";

export interface ImagesOptions {
  readonly operations: Operations;
  readonly paths: StoragePaths;
  readonly store: Pick<ImageStore, "pull" | "import">;
  readonly catalog: ImageCatalog;
  readonly guard: ImageGuard;
  readonly staging: Staging;
  /** What keeps images now; read inside the transaction that decides what goes */
  readonly pins: () => readonly ImagePin[];
}

export type ImportOptions = FetchOptions & { readonly config?: ImportedConfig | undefined };

/** The image store as people look after it. */
export class Images {
  readonly #options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /**
   * Fetches an image, also when the store has one of that name: a moved tag is followed.
   *
   * @throws {BandSoxError} `invalid_argument`, `image_…`, `registry_…`, `disk_full`, `interrupted`
   */
  async pull(image: string, options: FetchOptions = {}): Promise<ImageInfo> {
    return this.#options.operations.run(options.signal, async (signal) =>
      this.#infoOf((await this.#options.store.pull(image, { ...options, signal })).digest),
    );
  }

  /** Reads any source into the store under a name, by which VMs are then made without it. */
  async import(source: string, name: string, options: ImportOptions = {}): Promise<ImageInfo> {
    return this.#options.operations.run(options.signal, async (signal) =>
      this.#infoOf((await this.#options.store.import(source, name, { ...options, signal })).digest),
    );
  }

  /** Builds an image from a Dockerfile, a path or a text, and gives it a name; see `buildImage`. */
  async build(
    dockerfile: string,
    options: BuildOptions = {},
  ): Promise<ImageInfo & { readonly name: string }> {
    return this.#options.operations.run(options.signal, async (signal) => {
      const { name, record } = await buildImage(this.#options, dockerfile, { ...options, signal });
      return { ...(await this.#infoOf(record.digest)), name };
    });
  }

  /** All images, the newest first. */
  async list(): Promise<ImageInfo[]> {
    return this.#options.operations.run(undefined, () => this.#list());
  }

  /** What the store occupies on the disk, what images share counted once. */
  async usage(): Promise<ImageUsage> {
    return this.#options.operations.run(undefined, () => measureFiles(this.#options.paths));
  }

  /** An image by name, digest, or the start of its digest. @throws {BandSoxError} `image_unknown` */
  async inspect(image: string): Promise<ImageDetails> {
    return this.#options.operations.run(undefined, async () => {
      const stored = await this.#find(image);
      return toImageDetails(stored, await this.#infoOf(stored.entry.digest));
    });
  }

  /** How an image was built, the first step first. @throws {BandSoxError} `image_unknown` */
  async history(image: string): Promise<ImageHistoryEntry[]> {
    return this.#options.operations.run(undefined, async () => toHistory(await this.#find(image)));
  }

  /**
   * Removes a name, and with the last one the image. By digest all its names go.
   *
   * @throws {BandSoxError} `image_unknown`, `image_in_use` when something stands on it
   */
  async remove(image: string, options: { signal?: AbortSignal | undefined } = {}): Promise<ImageRemoval> {
    return this.#options.operations.run(options.signal, async (signal) => {
      const { catalog, guard, pins } = this.#options;
      using _alone = await guard.sweep(signal);
      const removed = catalog.decide(() => {
        const { entry, name } = choose(catalog.list(), image);
        const others = name === undefined ? [] : entry.references.filter((reference) => reference !== name);
        if (name !== undefined && others.length > 0) {
          catalog.unname([name]);
          return { references: [name], digests: [] };
        }
        assertUnused(entry, pins());
        catalog.forget([entry.digest]);
        return { references: [...entry.references], digests: [entry.digest] };
      });
      return { ...removed, freedBytes: await this.#sweep() };
    });
  }

  /**
   * Removes images without a name, and whatever interrupted work left; with `all` every image no VM was made from, and
   * what builds keep to be quick.
   */
  async prune(
    options: { all?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<ImageRemoval> {
    return this.#options.operations.run(options.signal, async (signal) => {
      const { catalog, guard, pins } = this.#options;
      using _alone = await guard.sweep(signal);
      const removed = catalog.decide(() => {
        const now = pins();
        const gone = catalog.list().filter((entry) => {
          const isNamed = entry.references.length > 0;
          return usersOf(entry, now).length === 0 && (isNamed ? options.all : !mayBeMeant(now));
        });
        catalog.forget(gone.map(({ digest }) => digest));
        return {
          references: gone.flatMap(({ references }) => references),
          digests: gone.map(({ digest }) => digest),
        };
      });
      const freedBytes = await this.#sweep();
      if (options.all) await rm(buildDir(this.#options.paths), { recursive: true, force: true });
      return { ...removed, freedBytes };
    });
  }

  async #list(): Promise<ImageInfo[]> {
    const { paths, catalog, pins } = this.#options;
    return toImageInfos(paths, await readImages(paths, catalog.list()), pins());
  }

  async #sweep(): Promise<number> {
    const { paths, catalog } = this.#options;
    const images = await readImages(paths, catalog.list());
    return sweepFiles(paths, {
      blobs: new Set(images.flatMap(({ documents }) => [...(documents?.blobs.keys() ?? [])])),
      disks: new Set([
        ...images.map(({ entry }) => entry.digest),
        ...this.#options.pins().flatMap(({ digest }) => (digest === undefined ? [] : [digest])),
      ]),
    });
  }

  async #find(image: string): Promise<StoredImage> {
    const { paths, catalog } = this.#options;
    const [stored] = await readImages(paths, [choose(catalog.list(), image).entry]);
    return stored as StoredImage;
  }

  async #infoOf(digest: string): Promise<ImageInfo> {
    const info = (await this.#list()).find((image) => image.digest === digest);
    if (info) return info;
    throw unknown(digest); // removed by another process meanwhile
  }
}

/** A VM that is being made from a name may have found the image that had it a moment ago. */
function mayBeMeant(pins: readonly ImagePin[]): boolean {
  return pins.some(({ digest }) => digest === undefined);
}

const DIGEST_START = /^(?:sha256:)?([0-9a-f]{6,64})$/;

/** Finds an image by a name, which wins, or by its digest's start. */
function choose(entries: readonly CatalogEntry[], image: string): { entry: CatalogEntry; name?: string } {
  const start = DIGEST_START.exec(image)?.[1];
  const name = nameOf(image);
  const named = entries.find(({ references }) => name !== undefined && references.includes(name));
  if (named && name !== undefined) return { entry: named, name };
  const matches = start ? entries.filter(({ digest }) => digest.startsWith(`sha256:${start}`)) : [];
  const [only, ...others] = matches;
  if (!only) throw unknown(image);
  if (others.length === 0) return { entry: only };
  throw new BandSoxError(
    "invalid_argument",
    `cannot tell which image is meant: ${matches.length} digests begin with ${start}`,
    {
      field: "image",
      found: image,
    },
  );
}

function nameOf(image: string): string | undefined {
  if (image.startsWith("sha256:")) return undefined;
  return parseImageSource(image).reference;
}

function assertUnused(entry: CatalogEntry, pins: readonly ImagePin[]): void {
  const users = usersOf(entry, pins);
  if (users.length === 0) return;
  const reference = entry.references[0] ?? entry.digest;
  const message = `cannot remove the image ${reference}: ${users.join(", ")} ${users.length > 1 ? "stand" : "stands"} on it`;
  throw new BandSoxError("image_in_use", message, { reference, users });
}

function unknown(image: string): BandSoxError {
  const reference = image.slice(0, 200);
  return new BandSoxError("image_unknown", `there is no image ${JSON.stringify(reference)} in the store`, {
    reference,
  });
}
