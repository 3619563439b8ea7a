import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { BandSoxError } from "@bandsox/contract";
import type { ApiKey, Scope } from "@bandsox/contract/api";
import { openAuthDatabase } from "./auth-database.ts";
import { hashPassword, isPassword } from "./password.ts";

const SESSION_MS = 86_400_000;
const SECRET_BYTES = 32;
const ID_BYTES = 4;
const PASSWORD_BYTES = 16;
/** How exactly it is known when a key was last used; a write for each call would cost more than it tells */
const LAST_USED_STEP_MS = 60_000;
export const PASSWORD_MIN_CHARACTERS = 8;

/** Who calls. */
export interface Identity {
  readonly scope: Scope;
  /** The key's id, `session` for a person who logged in, `open` where access is */
  readonly id: string;
  readonly maxVms?: number | undefined;
  readonly maxMemoryMib?: number | undefined;
  readonly maxConcurrent?: number | undefined;
}

export interface NewKey {
  readonly name: string;
  /** (default: `admin`) */
  readonly scope?: Scope | undefined;
  /** (default: never) */
  readonly expiresInMs?: number | undefined;
  readonly maxVms?: number | undefined;
  readonly maxMemoryMib?: number | undefined;
  readonly maxConcurrent?: number | undefined;
}

/**
 * Who may call a server: one administrator's password, and keys. Only hashes are kept. Any number of processes may
 * have it open; what one revokes is revoked for all at once.
 */
export class AuthStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(storageDir: string, now: () => number = Date.now) {
    this.#database = openAuthDatabase(join(storageDir, "auth.db"));
    this.#now = now;
  }

  /** Whether callers have to say who they are. */
  get isEnabled(): boolean {
    return this.#database.prepare("SELECT 1 FROM settings WHERE name = 'password'").get() !== undefined;
  }

  /** Makes a password and a first key, unless there is a password. Both are told here and never again. */
  async init(): Promise<{ password: string; key: string; keyId: string } | undefined> {
    const password = randomBytes(PASSWORD_BYTES).toString("hex");
    const sql = "INSERT OR IGNORE INTO settings (name, value) VALUES ('password', ?)";
    const { changes } = this.#database.prepare(sql).run(await hashPassword(password));
    if (changes === 0) return undefined;
    const { key, id } = this.createKey({ name: "default" });
    return { password, key, keyId: id };
  }

  /** Replaces the password and ends every session. @throws {BandSoxError} `invalid_argument` */
  async setPassword(password: string): Promise<void> {
    if (password.length < PASSWORD_MIN_CHARACTERS) {
      const message = `a password has at least ${PASSWORD_MIN_CHARACTERS} characters, this one has ${password.length}`;
      throw new BandSoxError("invalid_argument", message, { field: "password", found: undefined });
    }
    const hash = await hashPassword(password);
    this.#database.prepare("INSERT OR REPLACE INTO settings (name, value) VALUES ('password', ?)").run(hash);
    this.#database.exec("DELETE FROM sessions");
  }

  /** Begins a session. @returns its token, or nothing when the password is another */
  async logIn(password: string): Promise<{ token: string; maxAgeMs: number } | undefined> {
    const kept = this.#database.prepare("SELECT value FROM settings WHERE name = 'password'").get()?.value;
    if (typeof kept !== "string" || !(await isPassword(password, kept))) return undefined;
    const token = `bss_${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const now = this.#now();
    this.#database.prepare("DELETE FROM sessions WHERE expires_at <= ?").run(now);
    const sql = "INSERT INTO sessions (hash, created_at, expires_at) VALUES (?, ?, ?)";
    this.#database.prepare(sql).run(hashOf(token), now, now + SESSION_MS);
    return { token, maxAgeMs: SESSION_MS };
  }

  /** Ends a session; one that is not there has ended. */
  logOut(token: string): void {
    this.#database.prepare("DELETE FROM sessions WHERE hash = ?").run(hashOf(token));
  }

  /** Whose a key's or a session's text is, if it is anybody's now. */
  identify(token: string): Identity | undefined {
    const now = this.#now();
    const hash = hashOf(token);
    const session = this.#database.prepare("SELECT 1 FROM sessions WHERE hash = ? AND expires_at > ?");
    if (session.get(hash, now)) return { scope: "admin", id: "session" };
    const keys = "SELECT * FROM api_keys WHERE hash = ? AND (expires_at IS NULL OR expires_at > ?)";
    const row = this.#database.prepare(keys).get(hash, now) as KeyRow | undefined;
    if (!row) return undefined;
    if (now - (row.last_used_at ?? 0) >= LAST_USED_STEP_MS) {
      this.#database.prepare("UPDATE api_keys SET last_used_at = ? WHERE id = ?").run(now, row.id);
    }
    const { id, scope, max_vms, max_memory_mib, max_concurrent } = row;
    const limits = { maxVms: max_vms ?? undefined, maxMemoryMib: max_memory_mib ?? undefined };
    return { id, scope, ...limits, maxConcurrent: max_concurrent ?? undefined };
  }

  /** Makes a key. Its text is told here and never again. */
  createKey({ name, scope = "admin", expiresInMs, ...limits }: NewKey): {
    key: string;
    id: string;
  } {
    const key = `bsx_${randomBytes(SECRET_BYTES).toString("hex")}`;
    const id = `bsx_k_${randomBytes(ID_BYTES).toString("hex")}`;
    const now = this.#now();
    const expiresAt = expiresInMs === undefined ? null : now + expiresInMs;
    this.#database
      .prepare(
        `INSERT INTO api_keys (id, name, hash, scope, created_at, expires_at, max_vms, max_memory_mib,
           max_concurrent)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        ...[id, name, hashOf(key), scope, now, expiresAt],
        ...[limits.maxVms ?? null, limits.maxMemoryMib ?? null, limits.maxConcurrent ?? null],
      );
    return { key, id };
  }

  /** All keys, the oldest first, without their text. */
  listKeys(): ApiKey[] {
    const rows = this.#database.prepare("SELECT * FROM api_keys ORDER BY created_at, id").all();
    return (rows as unknown as KeyRow[]).map(({ hash: _, ...row }) => ({
      ...row,
      created_at: row.created_at / 1000,
      last_used_at: toSeconds(row.last_used_at),
      expires_at: toSeconds(row.expires_at),
    }));
  }

  /** Revokes a key at once. @throws {BandSoxError} `api_key_not_found` */
  revokeKey(keyId: string): void {
    const { changes } = this.#database.prepare("DELETE FROM api_keys WHERE id = ?").run(keyId);
    if (changes > 0) return;
    throw new BandSoxError("api_key_not_found", `there is no key ${JSON.stringify(keyId.slice(0, 64))}`, {
      keyId,
    });
  }

  /** Remembers whose a VM is. */
  own(vmId: string, keyId: string): void {
    this.#database.prepare("INSERT OR REPLACE INTO vm_owners (vm_id, key_id) VALUES (?, ?)").run(vmId, keyId);
  }

  /** The ids of the VMs a key has made, those that are gone among them. */
  ownedBy(keyId: string): Set<string> {
    const rows = this.#database.prepare("SELECT vm_id FROM vm_owners WHERE key_id = ?").all(keyId);
    return new Set(rows.map((row) => String(row.vm_id)));
  }

  /** Forgets VMs that are gone. */
  disown(vmIds: readonly string[]): void {
    const remove = this.#database.prepare("DELETE FROM vm_owners WHERE vm_id = ?");
    for (const id of vmIds) remove.run(id);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly scope: Scope;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly max_vms: number | null;
  readonly max_memory_mib: number | null;
  readonly max_concurrent: number | null;
}

/** What is kept of a secret: it has 256 random bits, so a quick hash is enough. */
function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function toSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
