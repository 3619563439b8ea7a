import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  BandSoxError,
  Metadata,
  type MetadataPatch,
  type Networking,
  parseInput,
  type VmEnd,
  type VmId,
  type VmSpec,
  type VmState,
} from "@bandsox/contract";
import type { Deadline } from "../host/moment.ts";
import type { EventLog } from "./event-log.ts";
import { keepEnd } from "./vm-ends.ts";
import { eventOfMove } from "./vm-event.ts";
import { toVmRecord, type VmRecord } from "./vm-row.ts";

export { BootFilePaths, type VmRecord } from "./vm-row.ts";

/** What changes with a VM's state; `undefined` takes a value away. */
export type VmChange = Partial<
  Pick<
    VmRecord,
    "imageDigest" | "imageConfig" | "bootFiles" | "snapshotId" | "failure" | "deadline" | "pausedBy"
  >
>;
type Change = VmChange;

type VmLimits = {
  readonly [K in "timeoutMs" | "onTimeout" | "idleTimeoutMs" | "onIdle" | "idleCpuPercent"]: VmSpec[K];
};

/** The `vms` table. Each change and the event that tells of it are written together. */
export class VmRecords {
  readonly #database: DatabaseSync;
  readonly #events: EventLog;
  // Prepared once: every call to a guest begins with one of them.
  readonly #byId: StatementSync;
  readonly #runsUnlimited: StatementSync;

  constructor(database: DatabaseSync, events: EventLog) {
    this.#database = database;
    this.#events = events;
    this.#byId = database.prepare("SELECT * FROM vms WHERE id = ?");
    this.#runsUnlimited = database.prepare(
      "SELECT 1 FROM vms WHERE id = ? AND state = 'running' AND deadline IS NULL",
    );
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
      const record = toVmRecord(row);
      const event = record && eventOfMove(from, record, end?.cause);
      if (event) happened(event);
      if (record && end) keepEnd(this.#database, end);
      return record !== undefined;
    });
  }

  /** Notes that a VM's disk has another size now. */
  setDiskSize(id: VmId, diskSizeMib: number): void {
    this.#assertSound(id);
    this.#database
      .prepare("UPDATE vms SET spec = json_set(spec, '$.diskSizeMib', ?) WHERE id = ?")
      .run(diskSizeMib, id);
  }

  /** Has other limits for a VM from now on. */
  setLimits(id: VmId, limits: VmLimits, deadline: Deadline | undefined): void {
    this.#assertSound(id);
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
    this.#assertSound(id);
    this.#events.within((happened) => {
      const row = this.#database
        .prepare("UPDATE vms SET spec = json_set(spec, '$.metadata', json(?)) WHERE id = ? RETURNING name")
        .get(JSON.stringify(metadata), id);
      if (row) happened({ type: "vm.metadata_replaced", vmId: id, vmName: String(row.name), details: {} });
    });
  }

  /** Changes some of a VM's metadata, whatever others do to the rest. @throws {BandSoxError} `invalid_argument` */
  patchMetadata(id: VmId, patch: MetadataPatch): void {
    this.#assertSound(id);
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
    this.#assertSound(id);
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
    return toVmRecord(this.#byId.get(id));
  }

  /** Whether it runs and its time is never over: what else there is to know takes longer to read. */
  runsUnlimited(id: VmId): boolean {
    return this.#runsUnlimited.get(id) !== undefined;
  }

  findByName(name: string): VmRecord | undefined {
    return toVmRecord(this.#database.prepare("SELECT * FROM vms WHERE name = ?").get(name));
  }

  /** VMs whose id starts with `prefix`, at most ten. */
  findByPrefix(prefix: string): VmRecord[] {
    const rows = this.#database
      .prepare("SELECT * FROM vms WHERE substr(id, 1, ?) = ? LIMIT 10")
      .all(prefix.length, prefix);
    return rows.map(toVmRecord).filter((record) => record !== undefined);
  }

  /** All VMs, the newest first. */
  list(): VmRecord[] {
    const rows = this.#database.prepare("SELECT * FROM vms ORDER BY created_at DESC, id").all();
    return rows.map(toVmRecord).filter((record) => record !== undefined);
  }

  #assertNameFree(name: string, except?: VmId): void {
    const holder = this.findByName(name);
    if (holder && holder.id !== except) throw nameTaken(name, holder.id);
  }

  /** What cannot be read must not be written over. */
  #assertSound(id: VmId): void {
    const record = this.find(id);
    if (record) assertSound(record, "change");
  }
}

/** @throws {BandSoxError} `vm_damaged` when not all of the VM's row can be read */
export function assertSound({ id, damage }: VmRecord, purpose: string): void {
  if (damage === undefined) return;
  throw new BandSoxError("vm_damaged", `cannot ${purpose} ${id}: ${damage}`, { vmId: id });
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
