import type { DatabaseSync } from "node:sqlite";
import { ownIdentity, type ProcessIdentity } from "../host/process-identity.ts";

/**
 * What can be left behind: a directory with all in it, a VM's supervisor by the file it signs in, or a whole VM that
 * is to end with the process that made it.
 */
export type ResourceKind = "directory" | "supervisor" | "vm";

export interface Resource {
  /** A VM's id, or what `processOwner` returns for what must not outlive one of our own processes */
  readonly owner: string;
  readonly kind: ResourceKind;
  /** Absolute path; a VM's id */
  readonly locator: string;
}

const PROCESS = "process:";

/** How a process is named as the owner of a resource (default: this one). */
export function processOwner(identity: ProcessIdentity = ownIdentity()): string {
  return PROCESS + JSON.stringify(identity);
}

/** The process that owns a resource, or `undefined` when a VM does. */
export function ownerProcess({ owner }: Pick<Resource, "owner">): ProcessIdentity | undefined {
  if (!owner.startsWith(PROCESS)) return undefined;
  return JSON.parse(owner.slice(PROCESS.length)) as ProcessIdentity;
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
