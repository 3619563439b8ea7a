import { askDebugfs, type DebugfsRequest, streamDebugfs } from "./debugfs.ts";

/** A name in a directory. Names are bytes, kept one to a character (latin1). */
export interface Ext4Entry {
  readonly inode: number;
  /** Type and permission bits, as in `st_mode` */
  readonly mode: number;
}

/** What an inode says of itself. */
export interface Ext4Inode extends Ext4Entry {
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** `major:minor` of a device node */
  readonly device?: string | undefined;
  /** Where a symbolic link points, latin1 */
  readonly target?: string | undefined;
}

export const TYPE_MASK = 0o170000;
export const MODE = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;
export const ROOT_INODE = 2;

const MAX_TARGET_BYTES = 4096;

/** An ext4 file system in a file that nobody writes to. Listings are kept: what is read once is read once. */
export class Ext4Reader {
  readonly #disk: string;
  readonly #signal: AbortSignal | undefined;
  readonly #listings = new Map<number, Promise<ReadonlyMap<string, Ext4Entry>>>();

  constructor(disk: string, signal?: AbortSignal) {
    this.#disk = disk;
    this.#signal = signal;
  }

  /** The names in a directory, `.` and `..` left out. */
  list(inode: number): Promise<ReadonlyMap<string, Ext4Entry>> {
    const known = this.#listings.get(inode) ?? this.#ask({ verb: "ls -p", inode }).then(parseListing);
    this.#listings.set(inode, known);
    return known;
  }

  async stat(inode: number): Promise<Ext4Inode> {
    const found = parseInode(inode, await this.#ask({ verb: "stat", inode }));
    if ((found.mode & TYPE_MASK) !== MODE.symlink || found.target !== undefined) return found;
    return { ...found, target: await this.#longTarget(found) };
  }

  /** An extended attribute of overlayfs, as text. */
  async attribute(
    inode: number,
    attribute: NonNullable<DebugfsRequest["attribute"]>,
  ): Promise<string | undefined> {
    const said = (await this.#ask({ verb: "ea_get", inode, attribute })).toString("latin1");
    return /^\S+ \(\d+\) = "(.*)"\s*$/s.exec(said)?.[1];
  }

  /** The content of a regular file. */
  read(inode: number): AsyncGenerator<Buffer> {
    return streamDebugfs(this.#disk, inode, this.#signal);
  }

  async #longTarget({ inode, sizeBytes }: Ext4Inode): Promise<string> {
    const content = await this.#ask({ verb: "cat", inode });
    return content.toString("latin1").slice(0, Math.min(sizeBytes, MAX_TARGET_BYTES));
  }

  #ask(request: DebugfsRequest): Promise<Buffer> {
    return askDebugfs(this.#disk, request, this.#signal);
  }
}

/** Entries are `/inode/mode/uid/gid/name/size/` and a newline; a name may hold anything but a slash. */
export function parseListing(said: Buffer): ReadonlyMap<string, Ext4Entry> {
  const entries = new Map<string, Ext4Entry>();
  const pattern = /\/(\d+)\/(\d{6})\/\d+\/\d+\/([^/]+)\/\d*\/\n/y;
  const text = said.toString("latin1");
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const [, inode, mode, name = ""] = match;
    if (name !== "." && name !== "..")
      entries.set(name, { inode: Number(inode), mode: Number.parseInt(mode ?? "0", 8) });
  }
  return entries;
}

const TYPES: Readonly<Record<string, number>> = {
  regular: MODE.file,
  directory: MODE.directory,
  symlink: MODE.symlink,
  "character special": MODE.character,
  "block special": MODE.block,
  FIFO: MODE.fifo,
  socket: MODE.socket,
};

/** What a guest chose, a link's target, comes last in what debugfs prints, so the first match of a field is the field. */
export function parseInode(inode: number, said: Buffer): Ext4Inode {
  const text = said.toString("latin1");
  const [, type = "", permissions = "0"] = /^Inode: \d+ +Type: (.+?) +Mode: +(\d+)/.exec(text) ?? [];
  const [, uid, gid, size] =
    /^User: +(\d+) +Group: +(\d+)(?: +Project: +\d+)? +Size: (\d+)/m.exec(text) ?? [];
  const [, seconds = "0", extra = "0"] = /^ *mtime: 0x([0-9a-f]+)(?::([0-9a-f]+))?/m.exec(text) ?? [];
  const sizeBytes = Number(size ?? 0);
  const device = /^\((?:New|Old)-style\) Device major\/minor number: (\d+):(\d+)/m.exec(text);
  const linkAt = /^Fast link dest: "/m.exec(text);
  return {
    inode,
    mode: (TYPES[type] ?? 0) | Number.parseInt(permissions, 8),
    uid: Number(uid ?? 0),
    gid: Number(gid ?? 0),
    sizeBytes,
    mtimeMs: timeMs(Number.parseInt(seconds, 16), Number.parseInt(extra, 16)),
    ...(device ? { device: `${Number(device[1])}:${Number(device[2])}` } : {}),
    ...(linkAt ? { target: text.slice(linkAt.index + linkAt[0].length).slice(0, sizeBytes) } : {}),
  };
}

/** Ext4 keeps 32 signed bits of seconds, two more above them, and nanoseconds in the rest of the extra word. */
function timeMs(seconds: number, extra: number): number {
  const epoch = (extra & 3) * 2 ** 32;
  return ((seconds | 0) + epoch) * 1000 + Math.floor((extra >>> 2) / 1_000_000);
}
