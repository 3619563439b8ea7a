import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BandSoxError } from "@bandsox/contract";
import { MIGRATIONS } from "./migrations.ts";

const BUSY_TIMEOUT_MS = 10_000;

/**
 * Opens the storage's database, creating or migrating it as needed. Any number of processes may hold it open:
 * WAL lets readers and one writer work together. `synchronous=FULL`, because a row precedes each side effect and
 * must survive a power cut that the effect survives.
 *
 * @throws {BandSoxError} `storage_unavailable` or `storage_too_new`
 */
export function openDatabase(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(database, path);
    return database;
  } catch (error) {
    if (error instanceof BandSoxError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new BandSoxError(
      "storage_unavailable",
      `cannot open the storage ${dirname(path)}: ${why}`,
      { path },
      { cause: error },
    );
  }
}

/** Runs `body` in one write transaction; all of it is stored, or nothing. */
export function transaction<T>(database: DatabaseSync, body: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = body();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function migrate(database: DatabaseSync, path: string): void {
  if (version(database) === MIGRATIONS.length) return;
  transaction(database, () => {
    const found = version(database);
    if (found > MIGRATIONS.length) {
      throw new BandSoxError(
        "storage_too_new",
        `cannot open the storage ${dirname(path)}: its format is version ${found}, this program knows ${MIGRATIONS.length}`,
        { path, found, supported: MIGRATIONS.length },
      );
    }
    for (const sql of MIGRATIONS.slice(found)) database.exec(sql);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

function version(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version);
}
