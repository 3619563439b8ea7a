import { type FileHandle, mkdir, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { nanoid } from "nanoid";
import { hostFileError } from "./file-errors.ts";

/** The name of a file that is not whole yet; it never ends up where it was asked for. */
export function temporaryName(): string {
  return `.bsx-download-${nanoid()}`;
}

/**
 * Fills a new file and puts it in the place of `path`: whoever looks sees the old file or the whole new one, even if
 * this process is killed. Missing directories are made; a link is followed; only regular files are replaced.
 */
export async function replaceFile<T>(path: string, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  const target = await placeFor(path).catch((error) => {
    throw hostFileError(error, "write", path);
  });
  const directory = dirname(target);
  const temporary = join(directory, temporaryName());
  try {
    await using file = await open(temporary, "wx", 0o600);
    const result = await fill(file);
    await file.sync();
    await rename(temporary, target);
    await syncDirectory(directory);
    return result;
  } catch (error) {
    await unlink(temporary).catch(() => {}); // it may not have been made
    throw hostFileError(error, "write", path);
  }
}

async function placeFor(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const existing = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (existing === undefined) return path;
  if (existing.isFile()) return realpath(path);
  if (existing.isDirectory())
    throw new BandSoxError("is_directory", `cannot write ${path} on this host: it is a directory`, { path });
  throw new BandSoxError("file_exists", `cannot write ${path} on this host: it is no regular file`, { path });
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}

/** Writes all of some pieces, at most 1024, at a place, however little of them the kernel takes at a time. */
export async function writeAll(
  file: FileHandle,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let [left, at] = [[...pieces], position];
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    left = withoutFirst(left, bytesWritten);
    at += bytesWritten;
  }
}

/** What is left of some pieces without their first bytes. */
export function withoutFirst(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skipped = 0;
  return pieces.flatMap((piece) => {
    const from = Math.min(piece.length, Math.max(0, bytes - skipped));
    skipped += piece.length;
    return from < piece.length ? [piece.subarray(from)] : [];
  });
}
