import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { PoolId, PoolShape, VmId } from "@bandsox/contract";
import { transaction } from "./database.ts";
import { BootFilePaths } from "./vm-records.ts";

/** A pool as the database knows it. */
export interface PoolRecord extends PoolShape {
  readonly id: PoolId;
  readonly size: number;
  readonly hits: number;
  readonly misses: number;
  readonly refills: number;
  /** All refills together, in ms */
  readonly refillMs: number;
}

/** A VM of a pool: it has an id and files, and is no VM of anybody's yet. */
export interface PooledVm {
  readonly id: VmId;
  readonly poolId: PoolId;
  /** `taken` is on its way to become a VM of somebody's */
  readonly state: "filling" | "ready" | "taken";
  readonly engine: string;
  readonly imageDigest: string;
  /** The golden it goes on from: a VM that would go on from another one does not take it */
  readonly goldenKey: string;
  readonly bootFiles?: BootFilePaths | undefined;
}

/** The `pools` and `pooled_vms` tables. */
export class PoolRecords {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Makes the pool of a shape, or gives it another size. @returns its id */
  put(id: PoolId, { image, vcpu, memMib, diskSizeMib }: PoolShape, size: number): PoolId {
    const row = this.#database
      .prepare(
        `INSERT INTO pools (id, image, vcpu, mem_mib, disk_size_mib, size) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (image, vcpu, mem_mib, disk_size_mib) DO UPDATE SET size = excluded.size RETURNING id`,
      )
      .get(id, image, vcpu, memMib, diskSizeMib, size);
    return String(row?.id) as PoolId;
  }

  list(): PoolRecord[] {
    return this.#database.prepare("SELECT * FROM pools ORDER BY image, id").all().map(toPool);
  }

  find(id: string): PoolRecord | undefined {
    const row = this.#database.prepare("SELECT * FROM pools WHERE id = ?").get(id);
    return row && toPool(row);
  }

  findByShape({ image, vcpu, memMib, diskSizeMib }: PoolShape): PoolRecord | undefined {
    const row = this.#database
      .prepare("SELECT * FROM pools WHERE image = ? AND vcpu = ? AND mem_mib = ? AND disk_size_mib = ?")
      .get(image, vcpu, memMib, diskSizeMib);
    return row && toPool(row);
  }

  /** Forgets a pool; its VMs must be gone. */
  delete(id: PoolId): void {
    this.#database.prepare("DELETE FROM pools WHERE id = ?").run(id);
  }

  noteMiss(id: PoolId): void {
    this.#database.prepare("UPDATE pools SET misses = misses + 1 WHERE id = ?").run(id);
  }

  /** Writes down a VM that is about to be made. */
  insertVm({ id, poolId, state, engine, imageDigest, goldenKey }: PooledVm): void {
    this.#database
      .prepare(
        "INSERT INTO pooled_vms (id, pool_id, state, engine, image_digest, golden_key) VALUES (?, ?, ?, ?, ?, ?)",
      )
      .run(id, poolId, state, engine, imageDigest, goldenKey);
  }

  /** From now on the VM can be taken. */
  ready(id: VmId, { bootFiles, tookMs }: { bootFiles: BootFilePaths; tookMs: number }): void {
    transaction(this.#database, () => {
      this.#database
        .prepare("UPDATE pooled_vms SET state = 'ready', boot_files = ? WHERE id = ?")
        .run(JSON.stringify(bootFiles), id);
      this.#database
        .prepare(
          `UPDATE pools SET refills = refills + 1, refill_ms = refill_ms + ?
           WHERE id = (SELECT pool_id FROM pooled_vms WHERE id = ?)`,
        )
        .run(tookMs, id);
    });
  }

  /** The pool's VMs, those that have waited longest first. */
  vms(poolId?: PoolId): PooledVm[] {
    return this.#database
      .prepare("SELECT * FROM pooled_vms WHERE ?1 IS NULL OR pool_id = ?1 ORDER BY rowid")
      .all(poolId ?? null)
      .map(toVm);
  }

  findVm(id: VmId): PooledVm | undefined {
    const row = this.#database.prepare("SELECT * FROM pooled_vms WHERE id = ?").get(id);
    return row && toVm(row);
  }

  forgetVm(id: VmId): void {
    this.#database.prepare("DELETE FROM pooled_vms WHERE id = ?").run(id);
  }

  /**
   * Takes a ready VM out of its pool. However many want it, one gets it. The row stays until `forgetVm`: who dies in
   * between leaves a VM that is found to be nobody's.
   */
  take(id: VmId): boolean {
    const result = this.#database
      .prepare("UPDATE pooled_vms SET state = 'taken' WHERE id = ? AND state = 'ready'")
      .run(id);
    return result.changes === 1;
  }

  /** Puts back a VM that was taken and not used. */
  giveBack(id: VmId): void {
    this.#database.prepare("UPDATE pooled_vms SET state = 'ready' WHERE id = ? AND state = 'taken'").run(id);
  }

  noteHit(id: PoolId): void {
    this.#database.prepare("UPDATE pools SET hits = hits + 1 WHERE id = ?").run(id);
  }
}

function toPool(row: Record<string, SQLOutputValue>): PoolRecord {
  return {
    ...{ id: String(row.id) as PoolId, image: String(row.image), vcpu: Number(row.vcpu) },
    ...{ memMib: Number(row.mem_mib), diskSizeMib: Number(row.disk_size_mib), size: Number(row.size) },
    ...{ hits: Number(row.hits), misses: Number(row.misses) },
    ...{ refills: Number(row.refills), refillMs: Number(row.refill_ms) },
  };
}

function toVm(row: Record<string, SQLOutputValue>): PooledVm {
  return {
    ...{ id: String(row.id) as VmId, poolId: String(row.pool_id) as PoolId },
    state: String(row.state) as PooledVm["state"],
    ...{ engine: String(row.engine), imageDigest: String(row.image_digest) },
    goldenKey: String(row.golden_key),
    bootFiles: row.boot_files === null ? undefined : BootFilePaths.parse(JSON.parse(String(row.boot_files))),
  };
}
