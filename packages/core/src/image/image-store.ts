import { access, chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { BASE_APPARENT_BYTES } from "../disk/apparent-size.ts";
import type { StoragePaths } from "../host/paths.ts";
import type { ImageGuard } from "../store/image-guard.ts";
import type { ImageRecord, ImageRecords } from "../store/image-records.ts";
import type { Staging } from "../store/staging.ts";
import { buildDebianImage } from "./debian-image.ts";
import { adoptDisk } from "./disk-image.ts";
import { ImageConfig } from "./image-config.ts";
import { callImageHelper, type HelperEvent } from "./image-helper.ts";
import {
  type DiskSource,
  type HelperSource,
  type ImageSource,
  isFetchedOnce,
  parseImageSource,
  type RecipeSource,
} from "./image-source.ts";
import { type RegistryAccess, registryAccess } from "./registry-access.ts";
import { stampOf } from "./source-stamp.ts";

/** What an image may hold unpacked: its base disk must fit the apparent size, metadata included. */
const MAX_CONTENT_BYTES = 15 * 1024 ** 3;

export interface ImageStoreOptions {
  readonly paths: StoragePaths;
  readonly helperPath: string;
  readonly records: ImageRecords;
  readonly guard: ImageGuard;
  readonly staging: Staging;
  readonly now: () => Date;
  /** OCI platform wanted, e.g. `linux/amd64` */
  readonly platform: string;
}

export interface WorkOptions {
  readonly onEvent?: ((event: HelperEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How to fetch, beside what. */
export interface FetchOptions extends WorkOptions, RegistryAccess {
  /** OCI platform instead of the store's, e.g. `linux/amd64/v3` */
  readonly platform?: string | undefined;
}

/** How a root file system that says nothing about itself is to be run. */
export interface ImportedConfig {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly workingDir?: string | undefined;
  readonly user?: string | undefined;
}

/** Images by reference and base disks by digest; what one process fetches, all have. */
export class ImageStore {
  readonly #options: ImageStoreOptions;

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /**
   * Finds the image a user names, fetching it when the store lacks it. A registry reference is fetched once; a
   * local source is read again whenever it may have changed.
   *
   * @throws {BandSoxError} `invalid_argument`, `image_…`, `registry_…`, `disk_full`, `interrupted`
   */
  async resolve(image: string, options: FetchOptions = {}): Promise<ImageRecord> {
    const source = parseImageSource(image);
    const stamp = await stampOf(source);
    const known = this.#current(source, stamp);
    if (known) return known;
    using _lease = await this.#options.guard.use(source.reference, options.signal);
    return (
      this.#current(source, stamp) ?? (await this.#obtain(source, source.reference, { ...options, stamp }))
    );
  }

  /** Fetches an image whether or not the store has it, so that a moved tag is followed. */
  async pull(image: string, options: FetchOptions = {}): Promise<ImageRecord> {
    const source = parseImageSource(image);
    const stamp = await stampOf(source);
    using _lease = await this.#options.guard.use(source.reference, options.signal);
    return await this.#obtain(source, source.reference, { ...options, stamp });
  }

  /** Reads any source into the store under a name of the caller's, which needs no registry from then on. */
  async import(
    image: string,
    name: string,
    options: FetchOptions & { config?: ImportedConfig | undefined } = {},
  ): Promise<ImageRecord> {
    const { reference } = parseImageSource(name);
    using _lease = await this.#options.guard.use(reference, options.signal);
    return await this.#obtain(parseImageSource(image), reference, options);
  }

  /** Reads a root file system's tar into the store under a reference of the caller's. */
  async importTar(
    file: string,
    reference: string,
    config: ImportedConfig,
    options: WorkOptions = {},
  ): Promise<ImageRecord> {
    return this.import(`tar:${file}`, reference, { ...options, config });
  }

  /** Whether a reference is in the store already. */
  has(image: string): boolean {
    return this.#options.records.findByReference(parseImageSource(image).reference) !== undefined;
  }

  /** Returns the read-only disk of an image, building it once per digest whoever asks first. */
  async ensureBaseDisk(digest: string, options: WorkOptions = {}): Promise<string> {
    const { paths, guard, staging, helperPath } = this.#options;
    const path = baseDiskPath(paths, digest);
    if (await exists(path)) return path;
    using _lease = await guard.use(digest, options.signal);
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

  /**
   * Takes a base disk that came with something that stands on it, unless the store has one of that digest: then
   * `isSame` says whether that will do. `settled` runs while nobody can remove the disk.
   */
  async adoptBaseDisk(
    image: ImageRecord,
    { file, isSame, settled, signal }: AdoptBaseOptions,
  ): Promise<void> {
    const { paths, guard, staging, records, now } = this.#options;
    const path = baseDiskPath(paths, image.digest);
    using _lease = await guard.use(image.digest, signal);
    if (await exists(path)) {
      await isSame(path);
    } else {
      await mkdir(paths.basesDir, { recursive: true, mode: 0o711 });
      await chmod(file, 0o644);
      await using work = await staging.open();
      await work.publish(file, path);
    }
    records.adopt(image, { now: now() });
    await settled();
  }

  /** What the store has of a source, if that is still what the source is. */
  #current(source: ImageSource, stamp: string | undefined): ImageRecord | undefined {
    if (isFetchedOnce(source)) return this.#options.records.findByReference(source.reference);
    return stamp === undefined ? undefined : this.#options.records.findByReference(source.reference, stamp);
  }

  async #obtain(source: ImageSource, reference: string, options: ObtainOptions): Promise<ImageRecord> {
    const record = await this.#read(source, options);
    const { records, now } = this.#options;
    records.put(reference, record, { now: now(), stamp: options.stamp });
    return record;
  }

  #read(source: ImageSource, options: ObtainOptions): Promise<ImageRecord> {
    if (source.kind === "ext4") return this.#adopt(source, options);
    if (source.kind === "debian") return this.#build(source, options);
    return this.#fetch(source, options);
  }

  async #adopt(source: DiskSource, { signal, config }: ObtainOptions): Promise<ImageRecord> {
    const { paths, staging } = this.#options;
    const pathOf = async (digest: string) => {
      await mkdir(paths.basesDir, { recursive: true, mode: 0o711 });
      return baseDiskPath(paths, digest);
    };
    const disk = await adoptDisk(source, { staging, apparentBytes: BASE_APPARENT_BYTES, pathOf, signal });
    return { ...disk, config: ImageConfig.parse({ ...config, env: assignments(config?.env) }) };
  }

  #build({ suite, include, reference }: RecipeSource, { signal }: ObtainOptions): Promise<ImageRecord> {
    const importTar = (file: string, _reference: string, config: ImportedConfig) =>
      this.#fetch(parseImageSource(`tar:${file}`) as HelperSource, { signal, config });
    const recipe = { suite, include, reference, cmd: ["bash"] };
    return buildDebianImage(recipe, { images: { importTar }, staging: this.#options.staging, signal });
  }

  async #fetch(source: HelperSource, options: ObtainOptions): Promise<ImageRecord> {
    const { paths, helperPath } = this.#options;
    await mkdir(paths.imageStore, { recursive: true, mode: 0o711 });
    const { args: how, env } = registryAccess(paths, options);
    const platform = this.#platformOf(options);
    const args = ["fetch", "--store", paths.imageStore, "--platform", platform, ...how];
    const { onEvent, signal, config } = options;
    const call = { helperPath, args: [...args, ...configArgs(config), source.text], env };
    const image = await callImageHelper({ ...call, reference: source.reference, onEvent, signal }, "image");
    const sizeBytes = image.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    return { digest: image.digest, config: image.config, sizeBytes };
  }

  /** A variant of this machine's architecture; what is made for another runs in no VM here. */
  #platformOf({ platform = this.#options.platform }: ObtainOptions): string {
    const [os, architecture] = this.#options.platform.split("/");
    if (platform.startsWith(`${os}/${architecture}/`) || platform === `${os}/${architecture}`)
      return platform;
    const message = `cannot take the platform ${JSON.stringify(platform)}: this machine runs ${os}/${architecture}, of which a variant may be named`;
    throw new BandSoxError("invalid_argument", message, { field: "platform", found: platform });
  }
}

export interface AdoptBaseOptions {
  /** The disk that came along, on the storage's file system; it is moved */
  readonly file: string;
  /** Throws when the store's own disk is another */
  readonly isSame: (path: string) => Promise<void>;
  /** Writes down what stands on the disk */
  readonly settled: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

interface ObtainOptions extends FetchOptions {
  readonly config?: ImportedConfig | undefined;
  readonly stamp?: string | undefined;
}

/** Where the base disk of a digest is, or would be. */
export function baseDiskPath(paths: StoragePaths, digest: string): string {
  return join(paths.basesDir, `${digest.replace("sha256:", "")}.ext4`);
}

function configArgs(config: ImportedConfig = {}): string[] {
  const { cmd, entrypoint, workingDir, user } = config;
  return [
    ...assignments(config.env).flatMap((entry) => ["--env", entry]),
    ...(cmd ? ["--cmd", JSON.stringify(cmd)] : []),
    ...(entrypoint ? ["--entrypoint", JSON.stringify(entrypoint)] : []),
    ...(workingDir === undefined ? [] : ["--workdir", workingDir]),
    ...(user === undefined ? [] : ["--user", user]),
  ];
}

function assignments(env: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
