const NAME_MAX_BYTES = 255;
const PATH_MAX_BYTES = 4096;

/** Thrown on an archive that is damaged, or asks for what no honest one does. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/**
 * The names that lead to an archive's entry below its destination; none for the destination itself.
 *
 * @throws {ArchiveError} on a path that would lead anywhere else
 */
export function entryNames(path: string): string[] {
  if (path.startsWith("/")) throw refused(path, "it is absolute");
  if (Buffer.byteLength(path) > PATH_MAX_BYTES) throw refused(path, "it is too long");
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  for (const name of names) {
    if (name === "..") throw refused(path, "it leads upwards");
    if (name.includes("\0")) throw refused(path, "it holds a NUL");
    if (Buffer.byteLength(name) > NAME_MAX_BYTES) throw refused(path, "a name in it is too long");
  }
  return names;
}

/**
 * Whether a link at `names` surely stays below the destination: a relative target that goes up only at its beginning,
 * and no further than the link lies deep. A `..` behind a name is refused, as that name may be another link.
 */
export function linkStaysInside(names: readonly string[], target: string): boolean {
  if (target === "" || target.startsWith("/") || target.includes("\0")) return false;
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const down = parts.findIndex((part) => part !== "..");
  const ups = down === -1 ? parts.length : down;
  return ups < names.length && !parts.slice(ups).includes("..");
}

function refused(path: string, why: string): ArchiveError {
  return new ArchiveError(`an entry is named ${JSON.stringify(path.slice(0, 200))}: ${why}`);
}
