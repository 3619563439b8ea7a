import type { DatabaseSync } from "node:sqlite";

/** What can be left behind on the host: a directory with all in it, or a VM's supervisor by the file it signs in. */
export type ResourceKind = "directory" | "supervisor";

export interface Resource {
  /** A VM's id, or `process:<identity as JSON>` for what must not outlive one of our own processes */
  readonly owner: string;
  readonly kind: ResourceKind;
  /** Absolute path */
  readonly locator: string;
}

/**
 * Every host resource, written down with its owner before it is made and struck out after it is gone. Cleaning
 * up reads this list and nothing else, so nothing that was made can be forgotten.
 */
export class Ledger {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  record(resource: Resource): void {
    this.#database
      .prepare("INSERT OR REPLACE INTO resources (owner, kind, locator) VALUES (?, ?, ?)")
      .run(resource.owner, resource.kind, resource.locator);
  }

  strike(resource: Pick<Resource, "kind" | "locator">): void {
    this.#database
      .prepare("DELETE FROM resources WHERE kind = ? AND locator = ?")
      .run(resource.kind, resource.locator);
  }

  /** Everything recorded, in the order it was. */
  list(): Resource[] {
    const rows = this.#database.prepare("SELECT owner, kind, locator FROM resources ORDER BY id").all();
    return rows.map((row) => ({
      owner: String(row.owner),
      kind: String(row.kind) as ResourceKind,
      locator: String(row.locator),
    }));
  }
}
