import { sep } from "node:path";
import { BandSoxError } from "@bandsox/contract";

const FULL = new Set(["ENOSPC", "EDQUOT"]);
/** What the host says of files that cannot be used; only files of the storage are the storage's trouble. */
const UNUSABLE = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EIO"]);

/** SQLite's primary result codes, https://sqlite.org/rescode.html; the low byte of an extended one. */
const SQLITE = { busy: 5, readonly: 8, ioerr: 10, full: 13, cantopen: 14 } as const;
const SQLITE_UNUSABLE: readonly unknown[] = [SQLITE.readonly, SQLITE.ioerr, SQLITE.cantopen];

/** Whether SQLite gave up because another connection was at work. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE.busy;
}

/**
 * What a failure of the host means for whoever uses the storage: `disk_full` or `storage_unavailable`. Anything
 * else is returned as it is. A clean-up that failed on top of a failure is not what went wrong: the first is.
 */
export function toStorageError(error: unknown, storageDir: string): unknown {
  if (error instanceof SuppressedError) return toStorageError(error.suppressed, storageDir);
  if (!(error instanceof Error) || error instanceof BandSoxError) return error;
  const { code = "", path } = error as NodeJS.ErrnoException;
  const options = { cause: error };
  if (FULL.has(code) || sqliteCode(error) === SQLITE.full) {
    const message = `the storage ${storageDir} has no space left: ${error.message}`;
    return new BandSoxError("disk_full", message, { path: path ?? storageDir }, options);
  }
  const inStorage = path === storageDir || path?.startsWith(storageDir + sep);
  if ((UNUSABLE.has(code) && inStorage) || SQLITE_UNUSABLE.includes(sqliteCode(error))) {
    const message = `cannot use the storage ${storageDir}: ${error.message}`;
    return new BandSoxError("storage_unavailable", message, { path: path ?? storageDir }, options);
  }
  return error;
}

function sqliteCode(error: unknown): number | undefined {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === "ERR_SQLITE_ERROR" && typeof errcode === "number" ? errcode & 0xff : undefined;
}
