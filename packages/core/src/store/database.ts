import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import { isBusy, toStorageError } from "../base/storage-error.ts";
import { MIGRATIONS } from "./migrations.ts";

const BUSY_TIMEOUT_MS = 10_000;
const BUSY_RETRY_MIN_MS = 5;
/** Retries of several processes must not keep meeting */
const BUSY_RETRY_SPREAD_MS = 20;

/**
 * Opens the storage's database, creating or migrating it as needed. Any number of processes may hold it open:
 * WAL lets readers and one writer work together. `synchronous=FULL`, because a row precedes each side effect and
 * must survive a power cut that the effect survives.
 *
 * SQLite's own waiting does not cover the switch to WAL, where two that open a fresh database at once block each
 * other and one is told so at once; nothing announces the end of that, hence the retries.
 *
 * @throws {BandSoxError} `storage_unavailable`, `disk_full` or `storage_too_new`
 */
export async function openDatabase(path: string): Promise<DatabaseSync> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      return openOnce(path);
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw openError(error, path);
    }
    await setTimeout(BUSY_RETRY_MIN_MS + Math.random() * BUSY_RETRY_SPREAD_MS);
  }
}

function openOnce(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  closeSync(openSync(path, "a", 0o600)); // it holds users' variables; what SQLite makes beside it is as private
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function openError(error: unknown, path: string): unknown {
  const known = toStorageError(error, dirname(path));
  if (isAnyBandSoxError(known) && known.code !== "storage_unavailable") return known;
  const why = error instanceof Error ? error.message : String(error);
  const message = `cannot open the storage ${dirname(path)}: ${why}`;
  return new BandSoxError("storage_unavailable", message, { path }, { cause: error });
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

/**
 * The same for what means nothing after a power cut, such as rows that name processes: what is stored is not waited for
 * on its way to the disk. Rows of other transactions are never lost for it.
 */
export function passingTransaction<T>(database: DatabaseSync, body: () => T): T {
  database.exec("PRAGMA synchronous = NORMAL");
  try {
    return transaction(database, body);
  } finally {
    database.exec("PRAGMA synchronous = FULL");
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
