import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { BandSoxError, Metadata, SnapshotId, SnapshotKind, VmId, VmSpec } from "@bandsox/contract";
import { z } from "zod";
import { ImageConfig } from "../image/image-config.ts";
import { transaction } from "./database.ts";
import type { EventLog } from "./event-log.ts";
import { processOwner } from "./ledger.ts";
import { BootFilePaths } from "./vm-records.ts";

/** What a snapshot is of. Written into its directory as well, so that a snapshot speaks for itself. */
export const SnapshotManifest = z.object({
  format: z.literal(1),
  id: SnapshotId,
  vmId: VmId,
  vmName: z.string(),
  parent: SnapshotId.optional(),
  /** The VM's */
  spec: VmSpec,
  engine: z.string(),
  /** What an engine must find the same to go on from it; see `Engine.shape` */
  shape: z.string(),
  bootFiles: BootFilePaths,
  imageDigest: z.string(),
  imageConfig: ImageConfig,
  pausedMs: z.number(),
  /** How the memory is kept */
  kind: SnapshotKind.default("whole"),
  sizeBytes: z.int(),
  createdAt: z.string(),
});
export type SnapshotManifest = z.infer<typeof SnapshotManifest>;

/** A snapshot as the database knows it. */
export interface SnapshotRecord {
  readonly id: SnapshotId;
  readonly name: string;
  readonly metadata: Metadata;
  readonly manifest: SnapshotManifest;
}

/** The `snapshots` table. A row's directory is whole; it is written down in the ledger before and after. */
export class SnapshotRecords {
  readonly #database: DatabaseSync;
  readonly #events: EventLog;

  constructor(database: DatabaseSync, events: EventLog) {
    this.#database = database;
    this.#events = events;
  }

  /**
   * Takes over a directory that is whole: from now on nothing removes it but a deletion.
   *
   * @throws {BandSoxError} `snapshot_name_taken`
   */
  insert({ id, name, metadata, manifest }: SnapshotRecord, dir: string): void {
    this.#events.within((happened) => {
      this.assertNameFree(name);
      this.#database
        .prepare("INSERT INTO snapshots (id, name, metadata, manifest, created_at) VALUES (?, ?, ?, ?, ?)")
        .run(id, name, JSON.stringify(metadata), JSON.stringify(manifest), manifest.createdAt);
      this.#database.prepare("DELETE FROM resources WHERE kind = 'directory' AND locator = ?").run(dir);
      const { vmId, vmName } = manifest;
      happened({ type: "snapshot.created", vmId, vmName, details: { snapshotId: id, name } });
    });
  }

  /** Forgets a snapshot and writes its directory down as what is to be removed, both or neither. */
  forget(id: SnapshotId, dir: string): void {
    this.#events.within((happened) => {
      const known = this.find(id);
      this.#database
        .prepare("INSERT OR REPLACE INTO resources (owner, kind, locator) VALUES (?, 'directory', ?)")
        .run(processOwner(), dir);
      this.#database.prepare("DELETE FROM snapshots WHERE id = ?").run(id);
      if (!known) return;
      const { vmId, vmName } = known.manifest;
      happened({ type: "snapshot.deleted", vmId, vmName, details: { snapshotId: id, name: known.name } });
    });
  }

  /** @throws {BandSoxError} `snapshot_name_taken` */
  rename(id: SnapshotId, name: string): void {
    transaction(this.#database, () => {
      this.assertNameFree(name, id);
      this.#database.prepare("UPDATE snapshots SET name = ? WHERE id = ?").run(name, id);
    });
  }

  setMetadata(id: SnapshotId, metadata: Metadata): void {
    this.#database
      .prepare("UPDATE snapshots SET metadata = ? WHERE id = ?")
      .run(JSON.stringify(metadata), id);
  }

  /** What the directory of a snapshot holds has changed; it is of the same machine. */
  setManifest(id: SnapshotId, manifest: SnapshotManifest): void {
    this.#database
      .prepare("UPDATE snapshots SET manifest = ? WHERE id = ?")
      .run(JSON.stringify(manifest), id);
  }

  /** @throws {BandSoxError} `snapshot_name_taken` */
  assertNameFree(name: string, except?: SnapshotId): void {
    const holder = this.#database.prepare("SELECT id FROM snapshots WHERE name = ?").get(name);
    if (!holder || holder.id === except) return;
    const message = `cannot name a snapshot ${name}: ${holder.id} has that name`;
    throw new BandSoxError("snapshot_name_taken", message, { name, snapshotId: String(holder.id) });
  }

  find(reference: string): SnapshotRecord | undefined {
    return toRecord(
      this.#database.prepare("SELECT * FROM snapshots WHERE id = ? OR name = ?").get(reference, reference),
    );
  }

  /** Snapshots whose id starts with `prefix`, at most ten. */
  findByPrefix(prefix: string): SnapshotRecord[] {
    return this.#database
      .prepare("SELECT * FROM snapshots WHERE substr(id, 1, ?) = ? LIMIT 10")
      .all(prefix.length, prefix)
      .map(toRecord)
      .filter((record) => record !== undefined);
  }

  /** All snapshots, the newest first. */
  list(): SnapshotRecord[] {
    return this.#database
      .prepare("SELECT * FROM snapshots ORDER BY created_at DESC, id")
      .all()
      .map(toRecord)
      .filter((record) => record !== undefined);
  }
}

function toRecord(row: Record<string, SQLOutputValue> | undefined): SnapshotRecord | undefined {
  if (!row) return undefined;
  return {
    id: SnapshotId.parse(row.id),
    name: String(row.name),
    metadata: Metadata.parse(JSON.parse(String(row.metadata))),
    manifest: SnapshotManifest.parse(JSON.parse(String(row.manifest))),
  };
}
