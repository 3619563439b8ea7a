import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

const BUSY_TIMEOUT_MS = 5_000;
const PRIVATE = 0o600;

/** Steps are never edited once released, only added. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  -- Keys and sessions by the SHA-256 of what their holders have; times in ms since 1970.
  CREATE TABLE api_keys (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    hash            TEXT NOT NULL UNIQUE,
    scope           TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    last_used_at    INTEGER,
    max_vms         INTEGER,
    max_memory_mib  INTEGER
  ) STRICT;

  CREATE TABLE sessions (
    hash            TEXT PRIMARY KEY,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
  ) STRICT;

  -- Whose VM it is, for the limits of keys.
  CREATE TABLE vm_owners (
    vm_id           TEXT PRIMARY KEY,
    key_id          TEXT NOT NULL
  ) STRICT;
  CREATE INDEX vm_owners_by_key ON vm_owners (key_id);
  `,
  "ALTER TABLE api_keys ADD COLUMN max_concurrent INTEGER;",
];

/** Opens the database of who may call, which only this user can read. */
export function openAuthDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  closeSync(openSync(path, "a", PRIVATE)); // SQLite's own files get the mode of this one
  chmodSync(path, PRIVATE);
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    database.exec("BEGIN IMMEDIATE");
    const found = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    if (found > MIGRATIONS.length) throw new Error(`${path} was written by a newer version`);
    for (const sql of MIGRATIONS.slice(found)) database.exec(sql);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
