import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import {
  BandSoxError,
  Metadata,
  type MetadataPatch,
  type Networking,
  parseInput,
  type SnapshotId,
  type VmEnd,
  type VmId,
  VmSpec,
  type VmState,
} from "@bandsox/contract";
import { z } from "zod";
import { Deadline } from "../host/moment.ts";
import { ImageConfig } from "../image/image-config.ts";
import type { EventLog } from "./event-log.ts";
import { keepEnd } from "./vm-ends.ts";
import { eventOfMove } from "./vm-event.ts";

/** A VM as the database knows it. */
export interface VmRecord {
  readonly id: VmId;
  readonly name: string;
  readonly state: VmState;
  readonly spec: VmSpec;
  readonly engine: string;
  readonly imageDigest?: string | undefined;
  readonly imageConfig?: ImageConfig | undefined;
  /** What the machine was started from, by the names they had then; they tell what a save of it can go on with */
  readonly bootFiles?: BootFilePaths | undefined;
  readonly snapshotId?: SnapshotId | undefined;
  readonly failure?: string | undefined;
  /** When its time is over */
  readonly deadline?: Deadline | undefined;
  /** The limit it was paused by */
  readonly pausedBy?: LimitCause | undefined;
  readonly createdAt: string;
}

export const LimitCause = z.enum(["timeout", "idle"]);
export type LimitCause = z.infer<typeof LimitCause>;

export const BootFilePaths = z.object({ vmlinuxPath: z.string(), initramfsPath: z.string() });
export type BootFilePaths = z.infer<typeof BootFilePaths>;

/** What changes with a VM's state; `undefined` takes a value away. */
export type VmChange = Partial<
  Pick<
    VmRecord,
    "imageDigest" | "imageConfig" | "bootFiles" | "snapshotId" | "failure" | "deadline" | "pausedBy"
  >
>;
type Change = VmChange;

type VmLimits = { readonly [K in "timeoutMs" | "onTimeout" | "idleTimeoutMs" | "onIdle"]: VmSpec[K] };

/** The `vms` table. Each change and the event that tells of it are written together. */
export class VmRecords {
  readonly #database: DatabaseSync;
  readonly #events: EventLog;

  constructor(database: DatabaseSync, events: EventLog) {
    this.#database = database;
    this.#events = events;
  }

  /** @throws {BandSoxError} `vm_name_taken` */
  insert({ id, name, state, spec, engine, deadline, createdAt }: VmRecord): void {
    this.#events.within((happened) => {
      this.#assertNameFree(name);
      this.#database
        .prepare(
          "INSERT INTO vms (id, name, state, spec, engine, deadline, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .run(id, name, state, JSON.stringify(spec), engine, toColumn(deadline), createdAt);
      const details = { image: spec.image, engine };
      happened({ type: "vm.created", vmId: id, vmName: name, details });
    });
  }

  /**
   * Moves a VM from one state to another, if it still is in the first, and keeps how it ended if it did. Returns
   * whether it was.
   */
  move(id: VmId, from: VmState, to: VmState, { end, ...change }: Change & { end?: VmEnd } = {}): boolean {
    const sets = ["state = ?", ...Object.keys(change).map((key) => `${COLUMNS[key as keyof Change]} = ?`)];
    return this.#events.within((happened) => {
      const row = this.#database
        .prepare(`UPDATE vms SET ${sets.join(", ")} WHERE id = ? AND state = ? RETURNING *`)
        .get(to, ...Object.values(change).map(toColumn), id, from);
      const record = toRecord(row);
      const event = record && eventOfMove(from, record, end?.cause);
      if (event) happened(event);
      if (record && end) keepEnd(this.#database, end);
      return record !== undefined;
    });
  }

  /** Notes that a VM's disk has another size now. */
  setDiskSize(id: VmId, diskSizeMib: number): void {
    this.#database
      .prepare("UPDATE vms SET spec = json_set(spec, '$.diskSizeMib', ?) WHERE id = ?")
      .run(diskSizeMib, id);
  }

  /** Has other limits for a VM from now on. */
  setLimits(id: VmId, limits: VmLimits, deadline: Deadline | undefined): void {
    this.#events.within((happened) => {
      const record = this.find(id);
      if (!record) return;
      const spec = JSON.stringify({ ...record.spec, ...limits });
      this.#database
        .prepare("UPDATE vms SET spec = ?, deadline = ? WHERE id = ?")
        .run(spec, toColumn(deadline), id);
      happened({ type: "vm.limits_changed", vmId: id, vmName: record.name, details: {} });
    });
  }

  setNetworking(id: VmId, networking: Networking): void {
    this.#database
      .prepare("UPDATE vms SET spec = json_set(spec, '$.networking', json(?)) WHERE id = ?")
      .run(JSON.stringify(networking), id);
  }

  setMetadata(id: VmId, metadata: Metadata): void {
    this.#events.within((happened) => {
      const row = this.#database
        .prepare("UPDATE vms SET spec = json_set(spec, '$.metadata', json(?)) WHERE id = ? RETURNING name")
        .get(JSON.stringify(metadata), id);
      if (row) happened({ type: "vm.metadata_replaced", vmId: id, vmName: String(row.name), details: {} });
    });
  }

  /** Changes some of a VM's metadata, whatever others do to the rest. @throws {BandSoxError} `invalid_argument` */
  patchMetadata(id: VmId, patch: MetadataPatch): void {
    this.#events.within((happened) => {
      const record = this.find(id);
      if (!record) return;
      const merged = Object.entries({ ...record.spec.metadata, ...patch }).filter(
        ([key, value]) => value !== null || !Object.hasOwn(patch, key),
      );
      const metadata = parseInput(Metadata, Object.fromEntries(merged), "metadata");
      this.#database
        .prepare("UPDATE vms SET spec = json_set(spec, '$.metadata', json(?)) WHERE id = ?")
        .run(JSON.stringify(metadata), id);
      happened({ type: "vm.metadata_replaced", vmId: id, vmName: record.name, details: {} });
    });
  }

  /** @throws {BandSoxError} `vm_name_taken` */
  rename(id: VmId, name: string): void {
    this.#events.within((happened) => {
      this.#assertNameFree(name, id);
      const from = this.find(id)?.name;
      if (from === undefined || from === name) return;
      this.#database
        .prepare("UPDATE vms SET name = ?, spec = json_set(spec, '$.name', ?) WHERE id = ?")
        .run(name, name, id);
      happened({ type: "vm.renamed", vmId: id, vmName: name, details: { from } });
    });
  }

  delete(id: VmId): void {
    this.#events.within((happened) => {
      const row = this.#database.prepare("DELETE FROM vms WHERE id = ? RETURNING name").get(id);
      if (row) happened({ type: "vm.deleted", vmId: id, vmName: String(row.name), details: {} });
    });
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

  #assertNameFree(name: string, except?: VmId): void {
    const holder = this.findByName(name);
    if (holder && holder.id !== except) throw nameTaken(name, holder.id);
  }
}

const COLUMNS = {
  imageDigest: "image_digest",
  imageConfig: "image_config",
  bootFiles: "boot_files",
  snapshotId: "snapshot_id",
  failure: "failure",
  deadline: "deadline",
  pausedBy: "paused_by",
} as const satisfies Record<keyof Change, string>;

function nameTaken(name: string, vmId: string): BandSoxError {
  const message = `cannot name a VM ${name}: ${vmId} has that name`;
  return new BandSoxError("vm_name_taken", message, { name, vmId });
}

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
    bootFiles: row.boot_files === null ? undefined : BootFilePaths.parse(JSON.parse(String(row.boot_files))),
    snapshotId: row.snapshot_id === null ? undefined : (String(row.snapshot_id) as SnapshotId),
    failure: row.failure === null ? undefined : String(row.failure),
    deadline: row.deadline === null ? undefined : Deadline.parse(JSON.parse(String(row.deadline))),
    pausedBy: row.paused_by === null ? undefined : LimitCause.parse(row.paused_by),
    createdAt: String(row.created_at),
  };
}
