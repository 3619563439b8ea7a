/**
 * Writes the cpio "newc" format the kernel unpacks an initramfs from (Documentation/driver-api/early-userspace/
 * buffer-format.rst): per entry `070701`, thirteen 8-digit hexadecimal fields, the name with its NUL, the content;
 * header+name and content each padded with NULs to 4 bytes; an entry named `TRAILER!!!` ends the archive.
 */

interface Place {
  /** Path without a leading slash */
  readonly path: string;
  /** Permission bits, e.g. `0o755` */
  readonly mode: number;
}
export type CpioEntry =
  | (Place & { readonly kind: "directory" })
  | (Place & { readonly kind: "file"; readonly content: Uint8Array })
  | (Place & { readonly kind: "character-device"; readonly major: number; readonly minor: number });

const TYPE_BITS = { directory: 0o040000, file: 0o100000, "character-device": 0o020000 } as const;
const MAGIC = "070701";

/**
 * Builds an archive: owned by root, dated 1970, sorted by path, so the same entries give the same bytes.
 *
 * @throws {RangeError} when a path is empty, absolute, climbs with `..`, or is given twice
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const [index, entry] of sorted.entries()) {
    if (!isPlainPath(entry.path))
      throw new RangeError(`not a path for an archive: ${JSON.stringify(entry.path)}`);
    if (sorted[index + 1]?.path === entry.path) throw new RangeError(`given twice: ${entry.path}`);
  }
  const parts = sorted.flatMap((entry, index) => entryParts(entry, index + 1));
  return Buffer.concat([...parts, ...rawParts({ name: "TRAILER!!!", inode: 0, mode: 0, links: 1 })]);
}

function isPlainPath(path: string): boolean {
  return path !== "" && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function entryParts(entry: CpioEntry, inode: number): Uint8Array[] {
  return rawParts({
    name: entry.path,
    inode,
    mode: TYPE_BITS[entry.kind] | entry.mode,
    links: entry.kind === "directory" ? 2 : 1,
    ...(entry.kind === "file" ? { content: entry.content } : {}),
    ...(entry.kind === "character-device" ? { device: [entry.major, entry.minor] as const } : {}),
  });
}

interface RawEntry {
  name: string;
  inode: number;
  mode: number;
  links: number;
  content?: Uint8Array;
  device?: readonly [major: number, minor: number];
}

function rawParts({ name, inode, mode, links, content, device = [0, 0] }: RawEntry): Uint8Array[] {
  const nameBytes = Buffer.from(`${name}\0`, "utf8");
  const size = content?.length ?? 0;
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, ...device, nameBytes.length, 0];
  const header = Buffer.from(
    MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join(""),
    "latin1",
  );
  const parts = [header, nameBytes, padding(header.length + nameBytes.length)];
  return content ? [...parts, content, padding(size)] : parts;
}

function padding(size: number): Buffer {
  return Buffer.alloc(-size & 3);
}
