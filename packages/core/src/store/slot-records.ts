import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { VmId } from "@bandsox/contract";
import { transaction } from "./database.ts";

/**
 * What a slot is: `making` and `removing` are somebody's work under way, who holds its lease; `free` is ready for a VM,
 * `held` is a VM's, `resting` was one's and is ready again after a while.
 */
export type SlotState = "making" | "free" | "held" | "resting" | "removing";

export interface SlotRecord {
  readonly index: number;
  readonly state: SlotState;
  readonly range: string;
  readonly hasIpv6: boolean;
  readonly vmId?: VmId | undefined;
  /** A digest of the rules it has */
  readonly rules: string;
  /** When it came into its state, ms since 1970 */
  readonly since: number;
  /** The boot of the host it was made in */
  readonly bootId: string;
}

/** The `slots` table, and what was changed on the host for all of them. */
export class SlotRecords {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  list(): SlotRecord[] {
    return this.#database.prepare("SELECT * FROM slots ORDER BY idx").all().map(toRecord);
  }

  findOf(vmId: VmId): SlotRecord | undefined {
    const row = this.#database.prepare("SELECT * FROM slots WHERE vm_id = ?").get(vmId);
    return row && toRecord(row);
  }

  /** Gives a VM a slot that is ready, the one that was in use last a while ago first. */
  take(
    vmId: VmId,
    { now, restedBefore, bootId }: { now: number; restedBefore: number; bootId: string },
  ): SlotRecord | undefined {
    const row = this.#database
      .prepare(
        `UPDATE slots SET state = 'held', vm_id = ?1, since = ?2 WHERE idx = (
           SELECT idx FROM slots WHERE boot_id = ?4 AND (state = 'free' OR (state = 'resting' AND since <= ?3))
           ORDER BY state, idx LIMIT 1)
         RETURNING *`,
      )
      .get(vmId, now, restedBefore, bootId);
    return row && toRecord(row);
  }

  /** Writes a slot down that is going to be made: the lowest index that is nobody's and not in `except`. */
  begin(
    slot: Omit<SlotRecord, "index" | "state">,
    { except, max }: { except: ReadonlySet<number>; max: number },
  ): number | undefined {
    return transaction(this.#database, () => {
      const used = new Set([...except, ...this.list().map(({ index }) => index)]);
      let index = 1;
      while (used.has(index)) index++;
      if (index > max) return undefined;
      this.#database
        .prepare(
          "INSERT INTO slots (idx, state, range, ipv6, vm_id, rules, since, boot_id) VALUES (?, 'making', ?, ?, ?, ?, ?, ?)",
        )
        .run(index, slot.range, slot.hasIpv6 ? 1 : 0, slot.vmId ?? null, slot.rules, slot.since, slot.bootId);
      return index;
    });
  }

  move(index: number, to: SlotState, { vmId, now }: { vmId?: VmId | undefined; now: number }): void {
    this.#database
      .prepare("UPDATE slots SET state = ?, vm_id = ?, since = ? WHERE idx = ?")
      .run(to, vmId ?? null, now, index);
  }

  /** Moves a slot if it is in one of the given states still. @returns whether it was */
  moveFrom(index: number, from: readonly SlotState[], to: SlotState, now: number): boolean {
    const { changes } = this.#database
      .prepare(
        "UPDATE slots SET state = ?, vm_id = NULL, since = ? WHERE idx = ? AND state IN (SELECT value FROM json_each(?))",
      )
      .run(to, now, index, JSON.stringify(from));
    return changes === 1;
  }

  setRules(index: number, rules: string): void {
    this.#database.prepare("UPDATE slots SET rules = ? WHERE idx = ?").run(rules, index);
  }

  delete(index: number): void {
    this.#database.prepare("DELETE FROM slots WHERE idx = ?").run(index);
  }

  /** What was changed on the host, as JSON of the caller's. */
  hostChange(): unknown {
    const row = this.#database.prepare("SELECT change FROM network_host").get();
    return row && JSON.parse(String(row.change));
  }

  setHostChange(change: unknown): void {
    this.#database.prepare("DELETE FROM network_host").run();
    if (change !== undefined)
      this.#database.prepare("INSERT INTO network_host (change) VALUES (?)").run(JSON.stringify(change));
  }
}

function toRecord(row: Record<string, SQLOutputValue>): SlotRecord {
  return {
    index: Number(row.idx),
    state: String(row.state) as SlotState,
    range: String(row.range),
    hasIpv6: row.ipv6 === 1,
    vmId: row.vm_id === null ? undefined : (String(row.vm_id) as VmId),
    rules: String(row.rules),
    since: Number(row.since),
    bootId: String(row.boot_id),
  };
}
