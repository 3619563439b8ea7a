import type { DatabaseSync } from "node:sqlite";
import type { Leases } from "./leases.ts";

const SWEEP_KEY = "image-sweep";
/** Held by whoever adds to the image store, one key per thing added. */
const USER_PREFIX = "image:";

/**
 * Keeps those who add to the image store and those who remove from it apart, across processes. Any number may add,
 * each under a key of its own, and one key is one at a time; whoever removes is alone.
 */
export class ImageGuard {
  readonly #database: DatabaseSync;
  readonly #leases: Leases;

  constructor(database: DatabaseSync, leases: Leases) {
    this.#database = database;
    this.#leases = leases;
  }

  /** The right to add what `key` names. @throws {BandSoxError} `interrupted` */
  async use(key: string, signal?: AbortSignal): Promise<Disposable> {
    for (;;) {
      const lease = await this.#leases.acquire(`${USER_PREFIX}${key}`, signal);
      // Ours is held before theirs is looked for, and they do it the other way round: one of us sees the other.
      if (!this.#leases.holder(SWEEP_KEY)) return lease;
      lease[Symbol.dispose]();
      (await this.#leases.acquire(SWEEP_KEY, signal))[Symbol.dispose]();
    }
  }

  /** The right to remove, once all that is being added is there. @throws {BandSoxError} `interrupted` */
  async sweep(signal?: AbortSignal): Promise<Disposable> {
    const sweep = await this.#leases.acquire(SWEEP_KEY, signal);
    try {
      for (const key of this.#users()) (await this.#leases.acquire(key, signal))[Symbol.dispose]();
      return sweep;
    } catch (error) {
      sweep[Symbol.dispose]();
      throw error;
    }
  }

  #users(): string[] {
    const rows = this.#database
      .prepare("SELECT key FROM leases WHERE substr(key, 1, ?) = ?")
      .all(USER_PREFIX.length, USER_PREFIX);
    return rows.map((row) => String(row.key)).filter((key) => this.#leases.holder(key));
  }
}
