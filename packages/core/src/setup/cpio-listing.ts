import { BandSoxError } from "@bandsox/contract";

const HEADER_BYTES = 110;
const TRAILER = "TRAILER!!!";

/** One entry as read back from an archive; `content` is a view of the archive's bytes. */
export interface CpioListing {
  readonly path: string;
  /** Type and permission bits */
  readonly mode: number;
  readonly mtime: number;
  readonly device: readonly [major: number, minor: number];
  readonly content: Uint8Array;
}

/**
 * Reads a cpio "newc" archive, as {@link cpioArchive} writes it.
 *
 * @throws {BandSoxError} `invalid_argument` when the archive is damaged or has no end
 */
export function listCpio(archive: Uint8Array): CpioListing[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const entries: CpioListing[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length && bytes.toString("latin1", at, at + 6) === "070701") {
    const start = at + 6;
    const field = (index: number) =>
      Number.parseInt(bytes.toString("latin1", start + index * 8, start + index * 8 + 8), 16);
    const [size, nameSize] = [field(6), field(11)];
    const nameStart = at + HEADER_BYTES;
    const path = bytes.toString("utf8", nameStart, nameStart + nameSize - 1);
    if (path === TRAILER) return entries;
    const contentStart = aligned(nameStart + nameSize);
    const content = bytes.subarray(contentStart, contentStart + size);
    if (!(content.length === size && nameSize > 1)) break;
    entries.push({ path, mode: field(1), mtime: field(5), device: [field(9), field(10)], content });
    at = aligned(contentStart + size);
  }
  throw new BandSoxError("invalid_argument", `the archive is damaged at byte ${at}`, {
    field: "initramfs",
    found: at,
  });
}

function aligned(offset: number): number {
  return (offset + 3) & ~3;
}
