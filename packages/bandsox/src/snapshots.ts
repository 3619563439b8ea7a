import type { Metadata, SnapshotDetails, SnapshotInfo } from "@bandsox/contract";
import type {
  ArchiveOptions,
  Core,
  DeleteSnapshotOptions,
  ImportSnapshotOptions,
  RegistryAccess,
  RestoreOptions,
  Vm,
} from "@bandsox/core";

/** Machines at one moment, each of which VMs can go on from any number of times. Taken with `vm.snapshot()`. */
export class SnapshotStore {
  readonly #core: () => Promise<Core>;

  constructor(core: () => Promise<Core>) {
    this.#core = core;
  }

  /** All snapshots, the newest first. */
  async list(): Promise<SnapshotInfo[]> {
    return (await this.#core()).snapshots.list();
  }

  /** A snapshot by its id, its name, or the start of its id. @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous` */
  async inspect(snapshot: string): Promise<SnapshotDetails> {
    return (await this.#core()).snapshots.inspect(snapshot);
  }

  /**
   * Makes a VM that goes on where the snapshot was taken, with everything that ran in it. It has its own disk, host
   * name, machine id and randomness; the snapshot's VM may run, or be long gone.
   *
   * @throws {BandSoxError} `snapshot_not_found`, `snapshot_incompatible`, `snapshot_damaged`, `vm_name_taken`,
   *   `vm_start_failed`, `disk_full`, `interrupted`
   */
  async restore(snapshot: string, options: RestoreOptions = {}): Promise<Vm> {
    return (await this.#core()).snapshots.restore(snapshot, options);
  }

  /** @throws {BandSoxError} `invalid_argument`, `snapshot_not_found`, `snapshot_name_taken` */
  async rename(snapshot: string, name: string): Promise<SnapshotInfo> {
    return (await this.#core()).snapshots.rename(snapshot, name);
  }

  /** Replaces a snapshot's metadata. @throws {BandSoxError} `invalid_argument`, `snapshot_not_found` */
  async setMetadata(snapshot: string, metadata: Metadata): Promise<SnapshotInfo> {
    return (await this.#core()).snapshots.setMetadata(snapshot, metadata);
  }

  /**
   * Writes a snapshot into one file, with the base disk and the kernel it stands on: a zstd-compressed tar of what is not
   * zero, with the digest of each part. The file must not exist.
   *
   * @throws {BandSoxError} `snapshot_not_found`, `invalid_argument`, `disk_full`, `interrupted`
   */
  async export(snapshot: string, file: string, options: ArchiveOptions = {}): Promise<void> {
    await (await this.#core()).snapshots.export(snapshot, file, options);
  }

  /**
   * A snapshot as the bytes of the file that `export` writes. They come once all of it is packed, in the storage; what
   * was packed is gone when the reading ends.
   *
   * @throws {BandSoxError} `snapshot_not_found`, `disk_full`, `interrupted`
   */
  async *exportStream(
    snapshot: string,
    options: ArchiveOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* (await this.#core()).snapshots.exportStream(snapshot, options);
  }

  /**
   * Takes a snapshot from a file that `export` wrote, here or in another storage. Take only what you would run as
   * yourself: the VMM reads the saved devices, and trusts them.
   *
   * @throws {BandSoxError} `snapshot_invalid`, `snapshot_name_taken`, `snapshot_incompatible`, `disk_full`, `interrupted`
   */
  async import(file: string, options: ImportSnapshotOptions = {}): Promise<SnapshotInfo> {
    return (await this.#core()).snapshots.import(file, options);
  }

  /** Takes a snapshot from the bytes of such a file; see `import`. @throws {BandSoxError} as `import` */
  async importStream(
    bytes: AsyncIterable<Uint8Array>,
    options: ImportSnapshotOptions = {},
  ): Promise<SnapshotInfo> {
    return (await this.#core()).snapshots.importStream(bytes, options);
  }

  /**
   * Stores a snapshot in any OCI registry, as an artifact. The base disk and the kernel are layers of their own, which
   * the registry keeps once for all snapshots that stand on them.
   *
   * @throws {BandSoxError} `snapshot_not_found`, `registry_…`, `disk_full`, `interrupted`
   */
  async push(
    snapshot: string,
    reference: string,
    options: ArchiveOptions & RegistryAccess = {},
  ): Promise<{ readonly digest: string }> {
    return (await this.#core()).snapshots.push(snapshot, reference, options);
  }

  /** Takes a snapshot from a registry, as `import` does from a file. @throws {BandSoxError} also `registry_…`, `image_not_found` */
  async pull(reference: string, options: ImportSnapshotOptions & RegistryAccess = {}): Promise<SnapshotInfo> {
    return (await this.#core()).snapshots.pull(reference, options);
  }

  /**
   * Deletes a snapshot, which is refused while VMs go on from it unless `force` is given; they run on either way.
   *
   * @throws {BandSoxError} `snapshot_not_found`, `snapshot_in_use`
   */
  async delete(snapshot: string, options: DeleteSnapshotOptions = {}): Promise<void> {
    await (await this.#core()).snapshots.delete(snapshot, options);
  }
}
