import { z } from "zod";
import { isGlob } from "./glob.ts";

const PATH_MAX_CHARACTERS = 4096;
const MODE_MAX = 0o7777;
const ID_MAX = 0xffff_ffff;

/** An absolute path in a guest. */
export const GuestPath = z
  .string()
  .max(PATH_MAX_CHARACTERS)
  .regex(/^\/[^\0]*$/, "a path in a guest is absolute and holds no NUL");

/** The twelve permission bits. */
export const FileMode = z.int().min(0).max(MODE_MAX);

/** A user or group as a number. */
export const FileOwner = z.int().min(0).max(ID_MAX);

const Glob = z.string().max(1024).refine(isGlob, "is no glob");
/** Globs against paths below a directory, as `globToRegExp` reads them. */
export const Globs = z.array(Glob).max(256);

export const FileType = z.enum(["file", "directory", "symlink", "fifo", "socket", "device"]);
export type FileType = z.infer<typeof FileType>;

/** What a guest says of one of its files. The name is data: no path on the host may be made of it unchecked. */
export const FileEntry = z.object({
  name: z.string().max(PATH_MAX_CHARACTERS),
  path: z.string().max(PATH_MAX_CHARACTERS),
  type: FileType,
  /** Bytes */
  size: z.int().min(0),
  mode: FileMode,
  uid: FileOwner,
  gid: FileOwner,
  /** ms since 1970 */
  mtimeMs: z.number(),
  /** Where a symbolic link points, as it is written there */
  target: z.string().max(PATH_MAX_CHARACTERS).optional(),
});
export type FileEntry = z.infer<typeof FileEntry>;

/** One change below a watched path. After `overflow` changes were lost: look at the files again. */
export const FileEvent = z.object({
  /** Grows with every event of one watch */
  cursor: z.int().min(0),
  type: z.enum(["created", "modified", "removed", "renamed", "attributes", "overflow"]),
  path: z.string().max(PATH_MAX_CHARACTERS).optional(),
  /** The path before a rename */
  from: z.string().max(PATH_MAX_CHARACTERS).optional(),
  directory: z.boolean().optional(),
});
export type FileEvent = z.infer<typeof FileEvent>;

/** How far a transfer is, in bytes. */
export interface TransferProgress {
  readonly bytes: number;
  /** Not known for archives */
  readonly total?: number;
}

/** What an unpacked archive came to. */
export interface TreeResult {
  readonly entries: number;
  /** Bytes of its files */
  readonly bytes: number;
  /** What was left out, and why; at most the first 1000 */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}
