import type { Metadata, SnapshotInfo } from "@bandsox/contract";
import type { Core, DeleteSnapshotOptions, RestoreOptions, Vm } from "@bandsox/core";

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
  async inspect(snapshot: string): Promise<SnapshotInfo> {
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
   * Deletes a snapshot, which is refused while VMs go on from it unless `force` is given; they run on either way.
   *
   * @throws {BandSoxError} `snapshot_not_found`, `snapshot_in_use`
   */
  async delete(snapshot: string, options: DeleteSnapshotOptions = {}): Promise<void> {
    await (await this.#core()).snapshots.delete(snapshot, options);
  }
}
