import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { BandSoxError, type VmId, VmSpec, type VmState } from "@bandsox/contract";
import { ImageConfig } from "../image/image-config.ts";

/** A VM as the database knows it. */
export interface VmRecord {
  readonly id: VmId;
  readonly name: string;
  readonly state: VmState;
  readonly spec: VmSpec;
  readonly engine: string;
  readonly imageDigest?: string | undefined;
  readonly imageConfig?: ImageConfig | undefined;
  readonly failure?: string | undefined;
  readonly createdAt: string;
}

type Change = Partial<Pick<VmRecord, "imageDigest" | "imageConfig" | "failure">>;

/** The `vms` table. */
export class VmRecords {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @throws {BandSoxError} `vm_name_taken` */
  insert(record: VmRecord): void {
    const holder = this.findByName(record.name);
    const result = holder
      ? { changes: 0 }
      : this.#database
          .prepare(
            `INSERT INTO vms (id, name, state, spec, engine, created_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (name) DO NOTHING`,
          )
          .run(
            record.id,
            record.name,
            record.state,
            JSON.stringify(record.spec),
            record.engine,
            record.createdAt,
          );
    if (result.changes === 1) return;
    const vmId = holder?.id ?? this.findByName(record.name)?.id ?? "";
    throw new BandSoxError(
      "vm_name_taken",
      `cannot create a VM named ${record.name}: ${vmId} has that name`,
      {
        name: record.name,
        vmId,
      },
    );
  }

  /** Moves a VM from one state to another, if it still is in the first. Returns whether it was. */
  move(id: VmId, from: VmState, to: VmState, change: Change = {}): boolean {
    const sets = ["state = ?", ...Object.keys(change).map((key) => `${COLUMNS[key as keyof Change]} = ?`)];
    const result = this.#database
      .prepare(`UPDATE vms SET ${sets.join(", ")} WHERE id = ? AND state = ?`)
      .run(to, ...Object.values(change).map(toColumn), id, from);
    return result.changes === 1;
  }

  /** Notes that a VM's disk has another size now. */
  setDiskSize(id: VmId, diskSizeMib: number): void {
    this.#database
      .prepare("UPDATE vms SET spec = json_set(spec, '$.diskSizeMib', ?) WHERE id = ?")
      .run(diskSizeMib, id);
  }

  delete(id: VmId): void {
    this.#database.prepare("DELETE FROM vms WHERE id = ?").run(id);
  }

  find(id: string): VmRecord | undefined {
    return toRecord(this.#database.prepare("SELECT * FROM vms WHERE id = ?").get(id));
  }

  findByName(name: string): VmRecord | undefined {
    return toRecord(this.#database.prepare("SELECT * FROM vms WHERE name = ?").get(name));
  }

  /** VMs whose id starts with `prefix`, at most ten. */
  findByPrefix(prefix: string): VmRecord[] {
    const rows = this.#database
      .prepare("SELECT * FROM vms WHERE substr(id, 1, ?) = ? LIMIT 10")
      .all(prefix.length, prefix);
    return rows.map(toRecord).filter((record) => record !== undefined);
  }

  /** All VMs, the newest first. */
  list(): VmRecord[] {
    const rows = this.#database.prepare("SELECT * FROM vms ORDER BY created_at DESC, id").all();
    return rows.map(toRecord).filter((record) => record !== undefined);
  }
}

const COLUMNS = {
  imageDigest: "image_digest",
  imageConfig: "image_config",
  failure: "failure",
} as const satisfies Record<keyof Change, string>;

function toColumn(value: Change[keyof Change]): string | null {
  if (value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function toRecord(row: Record<string, SQLOutputValue> | undefined): VmRecord | undefined {
  if (!row) return undefined;
  return {
    id: String(row.id) as VmId,
    name: String(row.name),
    state: String(row.state) as VmState,
    spec: VmSpec.parse(JSON.parse(String(row.spec))),
    engine: String(row.engine),
    imageDigest: row.image_digest === null ? undefined : String(row.image_digest),
    imageConfig:
      row.image_config === null ? undefined : ImageConfig.parse(JSON.parse(String(row.image_config))),
    failure: row.failure === null ? undefined : String(row.failure),
    createdAt: String(row.created_at),
  };
}
