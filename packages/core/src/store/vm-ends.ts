import type { DatabaseSync } from "node:sqlite";
import { END_CAUSES, EndCause, VmEnd, type VmEndSummary, type VmId } from "@bandsox/contract";

/** Of VMs that are gone, the ends of the newest are kept */
const KEPT = 200;

/** Keeps how a VM ended, within the transaction that says that it has. The last time counts. */
export function keepEnd(database: DatabaseSync, end: VmEnd): void {
  database
    .prepare(
      "INSERT OR REPLACE INTO vm_ends (vm_id, vm_name, at, cause, summary, record) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .run(end.vmId, end.vmName, end.at, end.cause, end.summary, JSON.stringify(end));
  database
    .prepare(
      `DELETE FROM vm_ends WHERE vm_id NOT IN (SELECT id FROM vms)
         AND vm_id NOT IN (SELECT vm_id FROM vm_ends ORDER BY at DESC LIMIT ?)`,
    )
    .run(KEPT);
}

/** The `vm_ends` table: how VMs ended, also those that are gone. */
export class VmEnds {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** How a VM ended last, by its id or, the newest of those who had it, its name. */
  find(reference: string): VmEnd | undefined {
    const row = this.#database
      .prepare(
        "SELECT record FROM vm_ends WHERE vm_id = ? OR vm_name = ? ORDER BY vm_id = ? DESC, at DESC LIMIT 1",
      )
      .get(reference, reference, reference);
    return row && VmEnd.parse(JSON.parse(String(row.record)));
  }

  summary(id: VmId): VmEndSummary | undefined {
    const row = this.#database.prepare("SELECT at, cause, summary FROM vm_ends WHERE vm_id = ?").get(id);
    if (!row) return undefined;
    const cause = EndCause.parse(row.cause);
    return { at: String(row.at), cause, summary: String(row.summary), advice: END_CAUSES[cause] };
  }
}
