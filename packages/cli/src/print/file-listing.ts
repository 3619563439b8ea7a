import type { FileEntry } from "bandsox";
import { oneLine } from "./one-line.ts";

const TYPES = { file: "-", directory: "d", symlink: "l", fifo: "p", socket: "s", device: "c" } as const;
const BITS = ["r", "w", "x"] as const;
/** Set-user-id, set-group-id and the sticky bit, each in the place of an `x` */
const SPECIAL = [
  { bit: 0o4000, letter: "s" },
  { bit: 0o2000, letter: "s" },
  { bit: 0o1000, letter: "t" },
] as const;

/** Names only, or a line of facts for each. A guest's names are data: control characters would command the terminal. */
export function fileListing(entries: readonly FileEntry[], isLong: boolean): string {
  if (!isLong) return entries.map(({ name }) => `${oneLine(name)}\n`).join("");
  const width = Math.max(0, ...entries.map(({ size }) => String(size).length));
  const owners = Math.max(0, ...entries.map(({ uid, gid }) => `${uid}:${gid}`.length));
  return entries
    .map((entry) => {
      const owner = `${entry.uid}:${entry.gid}`.padEnd(owners);
      const target = entry.target === undefined ? "" : ` -> ${oneLine(entry.target)}`;
      const size = String(entry.size).padStart(width);
      return `${permissions(entry)} ${owner} ${size} ${time(entry.mtimeMs)} ${oneLine(entry.name)}${target}\n`;
    })
    .join("");
}

/** As `ls -l` shows them, e.g. `-rwxr-x---`. */
export function permissions({ type, mode }: Pick<FileEntry, "type" | "mode">): string {
  const classes = SPECIAL.map(({ bit, letter }, index) => {
    const bits = (mode >> (6 - 3 * index)) & 7;
    const letters = BITS.map((name, place) => ((bits >> (2 - place)) & 1 ? name : "-"));
    if (mode & bit) letters[2] = (bits & 1 ? letter : letter.toUpperCase()) as "x";
    return letters.join("");
  });
  return `${TYPES[type]}${classes.join("")}`;
}

function time(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "?".padEnd(16) : date.toISOString().slice(0, 16).replace("T", " ");
}
