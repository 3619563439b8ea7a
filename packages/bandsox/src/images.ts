import type { ImageDetails, ImageHistoryEntry, ImageInfo, ImageRemoval, ImageUsage } from "@bandsox/contract";
import type { BuildOptions, Core, FetchOptions, ImportOptions } from "@bandsox/core";

/** The image store of one storage; opened by the first call that needs it. */
export class Images {
  readonly #core: () => Promise<Core>;

  constructor(core: () => Promise<Core>) {
    this.#core = core;
  }

  /**
   * Fetches an image, also when the store has one of that name: a moved tag is followed.
   *
   * @throws {BandSoxError} `invalid_argument`, `image_…`, `registry_…`, `disk_full`, `interrupted`
   */
  async pull(image: string, options: FetchOptions = {}): Promise<ImageInfo> {
    return (await this.#core()).images.pull(image, options);
  }

  /**
   * Reads any source into the store under a name, by which VMs are then made without it.
   *
   * @example
   * ```ts
   * await bs.images.import("tar:rootfs.tar.zst", "my-base", { config: { cmd: ["/bin/sh"] } });
   * const vm = await bs.createVm("my-base");
   * ```
   */
  async import(source: string, name: string, options: ImportOptions = {}): Promise<ImageInfo> {
    return (await this.#core()).images.import(source, name, options);
  }

  /**
   * Builds an image from a Dockerfile with buildah, which needs no daemon. A text has more than one line; anything else
   * is a path. A build that fails leaves the image of that name as it was.
   *
   * @throws {BandSoxError} `invalid_argument`, `image_builder_missing`, `image_build_failed`, `interrupted`
   */
  async build(
    dockerfile: string,
    options: BuildOptions = {},
  ): Promise<ImageInfo & { readonly name: string }> {
    return (await this.#core()).images.build(dockerfile, options);
  }

  /** All images, the newest first. */
  async list(): Promise<ImageInfo[]> {
    return (await this.#core()).images.list();
  }

  /** What the store occupies on the disk; what images share is counted once. */
  async usage(): Promise<ImageUsage> {
    return (await this.#core()).images.usage();
  }

  /** An image by name, digest, or the start of its digest. @throws {BandSoxError} `image_unknown` */
  async inspect(image: string): Promise<ImageDetails> {
    return (await this.#core()).images.inspect(image);
  }

  /** How an image was built, the first step first. @throws {BandSoxError} `image_unknown` */
  async history(image: string): Promise<ImageHistoryEntry[]> {
    return (await this.#core()).images.history(image);
  }

  /**
   * Removes a name, and with the last one the image; by digest all its names.
   *
   * @throws {BandSoxError} `image_unknown`, `image_in_use`
   */
  async remove(image: string, options: { signal?: AbortSignal | undefined } = {}): Promise<ImageRemoval> {
    return (await this.#core()).images.remove(image, options);
  }

  /** Removes images without a name (`all`: every image no VM was made from) and what interrupted work left. */
  async prune(
    options: { all?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<ImageRemoval> {
    return (await this.#core()).images.prune(options);
  }
}
