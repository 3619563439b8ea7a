import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BASE_APPARENT_BYTES } from "../disk/apparent-size.ts";
import type { StoragePaths } from "../host/paths.ts";
import type { ImageRecord, ImageRecords } from "../store/image-records.ts";
import type { Leases } from "../store/leases.ts";
import type { Staging } from "../store/staging.ts";
import { callImageHelper, type HelperEvent } from "./image-helper.ts";
import { type ImageSource, parseImageSource } from "./image-source.ts";

/** What an image may hold unpacked: its base disk must fit the apparent size, metadata included. */
const MAX_CONTENT_BYTES = 15 * 1024 ** 3;

export interface ImageStoreOptions {
  readonly paths: StoragePaths;
  readonly helperPath: string;
  readonly records: ImageRecords;
  readonly leases: Leases;
  readonly staging: Staging;
  readonly now: () => Date;
  /** OCI platform wanted, e.g. `linux/amd64` */
  readonly platform: string;
}

interface WorkOptions {
  readonly onEvent?: ((event: HelperEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a root file system that says nothing about itself is to be run. */
export interface ImportedConfig {
  readonly env?: Readonly<Record<string, string>>;
  readonly cmd?: readonly string[];
}

/** Images by reference and base disks by digest; what one process fetches, all have. */
export class ImageStore {
  readonly #options: ImageStoreOptions;

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /**
   * Finds the image a user names, fetching it when the store lacks it. A registry reference is fetched once; a
   * local source is read each time, since what is behind a path may have changed.
   *
   * @throws {BandSoxError} `invalid_argument`, `image_…`, `registry_…`, `disk_full`, `interrupted`
   */
  async resolve(image: string, options: WorkOptions = {}): Promise<ImageRecord> {
    const source = parseImageSource(image);
    const known =
      source.kind === "registry" ? this.#options.records.findByReference(source.reference) : undefined;
    if (known) return known;
    using _lease = await this.#options.leases.acquire(`image:${source.reference}`, options.signal);
    const fetchedMeanwhile =
      source.kind === "registry" ? this.#options.records.findByReference(source.reference) : undefined;
    return fetchedMeanwhile ?? (await this.#fetch(source, source.reference, [], options));
  }

  /** Reads a root file system's tar into the store under a reference of the caller's. */
  async importTar(
    file: string,
    reference: string,
    config: ImportedConfig,
    options: WorkOptions = {},
  ): Promise<ImageRecord> {
    const name = parseImageSource(reference).reference;
    const env = Object.entries(config.env ?? {}).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
    const cmd = config.cmd ? ["--cmd", JSON.stringify(config.cmd)] : [];
    return this.#fetch(parseImageSource(`tar:${file}`), name, [...env, ...cmd], options);
  }

  /** Whether a reference is in the store already. */
  has(image: string): boolean {
    return this.#options.records.findByReference(parseImageSource(image).reference) !== undefined;
  }

  /** Returns the read-only disk of an image, building it once per digest whoever asks first. */
  async ensureBaseDisk(digest: string, options: WorkOptions = {}): Promise<string> {
    const { paths, leases, staging, helperPath } = this.#options;
    const path = join(paths.basesDir, `${digest.replace("sha256:", "")}.ext4`);
    if (await exists(path)) return path;
    using _lease = await leases.acquire(`base:${digest}`, options.signal);
    if (await exists(path)) return path;
    await mkdir(paths.basesDir, { recursive: true, mode: 0o711 });
    await using work = await staging.open();
    const built = join(work.dir, "base.ext4");
    const args = ["build-disk", "--store", paths.imageStore, "--manifest", digest, "--output", built];
    const sizes = [
      "--apparent-bytes",
      `${BASE_APPARENT_BYTES}`,
      "--max-content-bytes",
      `${MAX_CONTENT_BYTES}`,
    ];
    const unpacked = ["--staging", join(work.dir, "unpacked")];
    await callImageHelper(
      { helperPath, args: [...args, ...sizes, ...unpacked], reference: digest, ...options },
      "disk",
    );
    await work.publish(built, path);
    return path;
  }

  async #fetch(
    source: ImageSource,
    reference: string,
    extra: string[],
    options: WorkOptions,
  ): Promise<ImageRecord> {
    const { paths, helperPath, platform, records, now } = this.#options;
    await mkdir(paths.imageStore, { recursive: true, mode: 0o711 });
    const args = ["fetch", "--store", paths.imageStore, "--platform", platform, ...extra, source.text];
    const image = await callImageHelper(
      { helperPath, args, reference: source.reference, ...options },
      "image",
    );
    const sizeBytes = image.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    const record = { digest: image.digest, config: image.config, sizeBytes };
    records.put(reference, record, now());
    return record;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
