import { randomUUID } from "node:crypto";
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { BandSoxError } from "@bandsox/contract";
import { isAlive, ownIdentity, type ProcessIdentity } from "../host/process-identity.ts";
import { passingTransaction } from "./database.ts";

/** A holder that dies commits nothing, so its death is looked for this often while somebody waits. */
const DEATH_CHECK_MS = 500;

/**
 * Exclusive rights by key, across processes, held in the database. A lease of a dead process is free: its holder
 * is a process identity, not a pid.
 */
export class Leases {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #identity = ownIdentity();

  constructor(database: DatabaseSync, databasePath: string) {
    this.#database = database;
    this.#path = databasePath;
  }

  /** Takes the lease, or returns `undefined` when a living process (this one included) holds it. */
  tryAcquire(key: string): Disposable | undefined {
    const token = randomUUID();
    const taken = passingTransaction(this.#database, () => {
      if (this.holder(key)) return false;
      this.#database
        .prepare("INSERT OR REPLACE INTO leases (key, token, holder) VALUES (?, ?, ?)")
        .run(key, token, JSON.stringify(this.#identity));
      return true;
    });
    if (!taken) return undefined;
    return { [Symbol.dispose]: () => this.#release(key, token) };
  }

  /**
   * Takes the lease, waiting for it if need be. A release is a commit, and every commit writes the write-ahead
   * log, so waiting is watching that file.
   *
   * @throws {BandSoxError} `interrupted` when `signal` fires first
   */
  async acquire(key: string, signal?: AbortSignal): Promise<Disposable> {
    for (;;) {
      if (signal?.aborted) throw new BandSoxError("interrupted", `interrupted while waiting for ${key}`, {});
      const changed = this.#nextCommit(signal);
      try {
        const lease = this.tryAcquire(key);
        if (lease) return lease;
        await changed.happened;
      } finally {
        changed.stop();
      }
    }
  }

  /** The living process that holds the lease. */
  holder(key: string): ProcessIdentity | undefined {
    const row = this.#database.prepare("SELECT holder FROM leases WHERE key = ?").get(key);
    if (!row) return undefined;
    const holder = JSON.parse(String(row.holder)) as ProcessIdentity;
    return isAlive(holder) ? holder : undefined;
  }

  #release(key: string, token: string): void {
    passingTransaction(this.#database, () =>
      this.#database.prepare("DELETE FROM leases WHERE key = ? AND token = ?").run(key, token),
    );
  }

  #nextCommit(signal: AbortSignal | undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const log = `${basename(this.#path)}-wal`;
    const watcher = watch(dirname(this.#path), (_event, file) => {
      if (file === log) resolve();
    });
    const timer = setTimeout(resolve, DEATH_CHECK_MS);
    const onAbort = () => resolve();
    signal?.addEventListener("abort", onAbort, { once: true });
    const stop = () => {
      watcher.close();
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    return { happened: promise, stop };
  }
}
