import {
  Metadata,
  parseInput,
  type SnapshotDetails,
  type SnapshotInfo,
  SnapshotName,
} from "@bandsox/contract";
import type { RegistryAccess } from "../image/registry-access.ts";
import type { SnapshotRecord } from "../store/snapshot-records.ts";
import { Vm } from "../vm/vm.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { importBytes, openArchive } from "./archive/archive-stream.ts";
import type { ArchiveOptions } from "./archive/archives.ts";
import { exportSnapshot, pushSnapshot } from "./archive/export-snapshot.ts";
import { type ImportSnapshotOptions, importSnapshot, pullSnapshot } from "./archive/import-snapshot.ts";
import { type DeleteSnapshotOptions, deleteSnapshot } from "./delete-snapshot.ts";
import { findSnapshot } from "./find-snapshot.ts";
import { inspectSnapshot } from "./inspect-snapshot.ts";
import { type RestoreOptions, restoreSnapshot } from "./restore-snapshot.ts";
import { toSnapshotInfo } from "./snapshot-info.ts";

/** The snapshots of a storage. They are named by id, by name, or by the start of an id. */
export class Snapshots {
  readonly #ports: VmPorts;

  constructor(ports: VmPorts) {
    this.#ports = ports;
  }

  /** All snapshots, the newest first. */
  async list(): Promise<SnapshotInfo[]> {
    const { operations, snapshots } = this.#ports;
    return operations.run(undefined, async () =>
      snapshots.list().map((record) => toSnapshotInfo(this.#ports, record)),
    );
  }

  /** @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous` */
  async inspect(reference: string): Promise<SnapshotDetails> {
    const { operations } = this.#ports;
    return operations.run(undefined, () => inspectSnapshot(this.#ports, reference));
  }

  /** Makes a VM that goes on where the snapshot was taken; see `restoreSnapshot`. */
  async restore(reference: string, options: RestoreOptions = {}): Promise<Vm> {
    return this.#ports.operations.run(options.signal, async (signal) => {
      const { id } = await restoreSnapshot(this.#ports, reference, { ...options, signal });
      return new Vm(this.#ports, id);
    });
  }

  /** @throws {BandSoxError} `invalid_argument`, `snapshot_not_found`, `snapshot_name_taken` */
  async rename(reference: string, name: string): Promise<SnapshotInfo> {
    const wanted = parseInput(SnapshotName, name, "name");
    return this.#change(reference, ({ id }) => this.#ports.snapshots.rename(id, wanted));
  }

  /** Replaces a snapshot's metadata. @throws {BandSoxError} `invalid_argument`, `snapshot_not_found` */
  async setMetadata(reference: string, metadata: Metadata): Promise<SnapshotInfo> {
    const wanted = parseInput(Metadata, metadata, "metadata");
    return this.#change(reference, ({ id }) => this.#ports.snapshots.setMetadata(id, wanted));
  }

  /** Writes a snapshot into one file; see `exportSnapshot`. */
  async export(reference: string, file: string, { signal }: ArchiveOptions = {}): Promise<void> {
    await this.#ports.operations.run(signal, (linked) =>
      exportSnapshot(this.#ports, reference, { file, signal: linked }),
    );
  }

  /** A snapshot as the bytes of one file; see `exportSnapshot`. */
  async *exportStream(
    reference: string,
    { signal }: ArchiveOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    await using archive = await this.#ports.operations.run(signal, (linked) =>
      openArchive(this.#ports, reference, { signal: linked }),
    );
    yield* archive.createReadStream({ autoClose: false, ...(signal ? { signal } : {}) });
  }

  /** Takes a snapshot from a file; see `importSnapshot`. */
  async import(file: string, options: ImportSnapshotOptions = {}): Promise<SnapshotInfo> {
    return this.#ports.operations.run(options.signal, async (signal) =>
      toSnapshotInfo(this.#ports, await importSnapshot(this.#ports, file, { ...options, signal })),
    );
  }

  /** Takes a snapshot from the bytes of a file; see `importSnapshot`. */
  async importStream(
    bytes: AsyncIterable<Uint8Array>,
    options: ImportSnapshotOptions = {},
  ): Promise<SnapshotInfo> {
    return this.#ports.operations.run(options.signal, async (signal) =>
      toSnapshotInfo(this.#ports, await importBytes(this.#ports, bytes, { ...options, signal })),
    );
  }

  /** Stores a snapshot in a registry; see `pushSnapshot`. */
  async push(
    reference: string,
    target: string,
    options: ArchiveOptions & RegistryAccess = {},
  ): Promise<{ readonly digest: string }> {
    return this.#ports.operations.run(options.signal, async (signal) => ({
      digest: await pushSnapshot(this.#ports, reference, { ...options, target, signal }),
    }));
  }

  /** Takes a snapshot from a registry; see `pullSnapshot`. */
  async pull(reference: string, options: ImportSnapshotOptions & RegistryAccess = {}): Promise<SnapshotInfo> {
    return this.#ports.operations.run(options.signal, async (signal) =>
      toSnapshotInfo(this.#ports, await pullSnapshot(this.#ports, reference, { ...options, signal })),
    );
  }

  /** Deletes a snapshot; see `deleteSnapshot`. */
  async delete(reference: string, options: DeleteSnapshotOptions = {}): Promise<void> {
    await this.#ports.operations.run(options.signal, (signal) =>
      deleteSnapshot(this.#ports, reference, { ...options, signal }),
    );
  }

  #change(reference: string, change: (record: SnapshotRecord) => void): Promise<SnapshotInfo> {
    const { operations, snapshots } = this.#ports;
    return operations.run(undefined, async () => {
      const record = findSnapshot(snapshots, reference);
      change(record);
      return toSnapshotInfo(this.#ports, findSnapshot(snapshots, record.id));
    });
  }
}
