import { closeSync, openSync, utimesSync } from "node:fs";
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { BandSoxEvent, EventQuery, NewEvent } from "@bandsox/contract";
import { followChanges } from "../host/follow-changes.ts";
import { transaction } from "./database.ts";

/** At most this many are kept; the oldest go first */
const KEPT = 100_000;
/** Pruning looks at the table this often, in events */
const PRUNE_EVERY = 1024;
/** Rows read at a time */
const PAGE = 256;

type Filter = Pick<EventQuery, "vm" | "types">;

interface EventLogOptions {
  /** Touched to wake those who follow */
  readonly signalFile: string;
  readonly now: () => Date;
  /** Told of events that could not be written down, and that nobody waited for */
  readonly warn: (message: string) => void;
}

interface EventPage {
  readonly events: BandSoxEvent[];
  /** Where to go on from: nothing that was asked for is at or before it */
  readonly seen: number;
  /** Whether there may be more already */
  readonly truncated: boolean;
}

/**
 * The `events` table: what happened, in order, across processes. Whoever changes a row that matters records the event
 * in the same transaction; then the signal file is touched, which wakes those who follow.
 */
export class EventLog {
  readonly #database: DatabaseSync;
  readonly #signalFile: string;
  readonly #now: () => Date;
  readonly #warn: (message: string) => void;
  #waiting: NewEvent[] = [];

  constructor(database: DatabaseSync, { signalFile, now, warn }: EventLogOptions) {
    this.#database = database;
    this.#signalFile = signalFile;
    this.#now = now;
    this.#warn = warn;
  }

  /** Writes down what happened; it survives a power cut. */
  append(...events: readonly NewEvent[]): void {
    this.within((record) => events.forEach(record));
  }

  /** Runs `body` in one write transaction with the events it records: all of it is stored, or nothing. */
  within<T>(body: (record: (event: NewEvent) => void) => T): T {
    let recorded = 0;
    const record = (event: NewEvent) => {
      recorded++;
      this.#insert(event);
    };
    const result = transaction(this.#database, () => body(record));
    if (recorded > 0) this.#announce();
    return result;
  }

  /**
   * Writes down what happens often, and is no more than told of: soon, those that come together at once, and without
   * waiting for the disk, so that a power cut may take the last of them.
   */
  appendSoon(event: NewEvent): void {
    if (this.#waiting.push(event) === 1) setImmediate(() => this.flush());
  }

  /** Writes what `appendSoon` was given; called before the database closes. What a full disk does not take is lost. */
  flush(): void {
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0 || !this.#database.isOpen) return;
    try {
      this.#database.exec("PRAGMA synchronous = NORMAL");
      this.append(...events);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#warn(`could not write down ${events.length} events: ${why}`);
    } finally {
      this.#database.exec("PRAGMA synchronous = FULL");
    }
  }

  /** The number of the newest event; `0` when there never was one. */
  last(): number {
    const row = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get();
    return Number(row?.seq ?? 0);
  }

  /** Some of the events after `since`, the oldest first. */
  page(since: number, { vm, types }: Filter = {}): EventPage {
    const last = this.last();
    const rows = this.#database
      .prepare(
        `SELECT * FROM events WHERE seq > ?
           AND (? IS NULL OR vm_id = ? OR vm_id IN (SELECT vm_id FROM events WHERE vm_name = ?))
           AND (? IS NULL OR type IN (SELECT value FROM json_each(?)))
         ORDER BY seq LIMIT ${PAGE}`,
      )
      .all(since, ...Array(3).fill(vm ?? null), ...Array(2).fill(types ? JSON.stringify(types) : null));
    const truncated = rows.length === PAGE;
    const seen = Number(rows.at(-1)?.seq ?? since);
    return { events: rows.map(toEvent), seen: truncated ? seen : Math.max(seen, last), truncated };
  }

  /** Events as they are asked for; with `follow` it goes on until `signal` fires. Nothing is missed, nothing polled. */
  async *read(query: EventQuery, signal?: AbortSignal): AsyncGenerator<BandSoxEvent, void, undefined> {
    let since = query.since === "now" ? this.last() : query.since;
    // Watched before it is read: what is written between the two is told by the watcher.
    using changes = query.follow ? followChanges(this.#signalFile, signal) : undefined;
    do {
      for (let more = true; more && !signal?.aborted; ) {
        const { events, seen, truncated } = this.page(since, query);
        yield* events;
        since = seen;
        more = truncated;
      }
    } while (await changes?.next());
  }

  /** Removes all events but the newest `keep`. @returns how many were removed */
  prune(keep: number): number {
    const result = this.#database.prepare("DELETE FROM events WHERE seq <= ?").run(this.last() - keep);
    return Number(result.changes);
  }

  #insert({ type, vmId, vmName, details }: NewEvent): void {
    const { lastInsertRowid } = this.#database
      .prepare("INSERT INTO events (at, type, vm_id, vm_name, details) VALUES (?, ?, ?, ?, ?)")
      .run(this.#now().toISOString(), type, vmId ?? null, vmName ?? null, JSON.stringify(details));
    if (Number(lastInsertRowid) % PRUNE_EVERY === 0) this.prune(KEPT);
  }

  #announce(): void {
    const now = new Date();
    try {
      utimesSync(this.#signalFile, now, now);
    } catch {
      closeSync(openSync(this.#signalFile, "a", 0o600));
    }
  }
}

function toEvent(row: Record<string, SQLOutputValue>): BandSoxEvent {
  return {
    seq: Number(row.seq),
    at: String(row.at),
    type: String(row.type),
    ...(row.vm_id === null ? {} : { vmId: String(row.vm_id) }),
    ...(row.vm_name === null ? {} : { vmName: String(row.vm_name) }),
    details: JSON.parse(String(row.details)),
  } as BandSoxEvent; // our own writing
}
