import type { Engine } from "./engine.ts";
import { FIRECRACKER_FEATURES, formatVersion, OLDEST_VERSION } from "./firecracker/capabilities.ts";

/** What the parts of `docs/engines.md` that are made here stand between. */
export const TABLE_MARKS = {
  begin: "<!-- made by npm run docs -->",
  end: "<!-- made until here -->",
} as const;

/** What engines can do, as they say it themselves, and what each version of Firecracker brings, as Markdown. */
export function capabilityTables(engines: readonly Pick<Engine, "name" | "capabilities">[]): string {
  const header = ["", ...engines.map(({ name }) => `\`${name}\``)];
  const rows = [
    ["networks", ...engines.map(({ capabilities }) => capabilities.networking.join(", ") || "none")],
    ["pause, snapshots, forks", ...engines.map(({ capabilities }) => yesNo(capabilities.snapshots))],
    ["limits of disks", ...engines.map(({ capabilities }) => yesNo(capabilities.diskLimits))],
    ["memory taken back", ...engines.map(({ capabilities }) => yesNo(capabilities.reclaim))],
  ];
  const oldest = formatVersion(OLDEST_VERSION);
  const versions = Object.values(FIRECRACKER_FEATURES).map(({ since, what, without }) => [
    what,
    formatVersion(since),
    without,
  ]);
  return [
    table([header, ...rows]),
    "",
    `Firecracker ${oldest} is the oldest that is used. What came later:`,
    "",
    table([["what", "since", "before that"], ...versions]),
  ].join("\n");
}

function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

/** A table with aligned columns. */
function table(rows: readonly (readonly string[])[]): string {
  const widths =
    rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length))) ?? [];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [header = [], ...body] = rows;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(header), rule, ...body.map(line)].join("\n");
}

/** A document with its made part made anew. @throws {Error} when it has no place for one */
export function withTables(document: string, tables: string): string {
  const [begin, end] = [document.indexOf(TABLE_MARKS.begin), document.indexOf(TABLE_MARKS.end)];
  if (begin < 0 || end < begin)
    throw new Error(`the document has no ${TABLE_MARKS.begin} … ${TABLE_MARKS.end}`);
  return `${document.slice(0, begin)}${TABLE_MARKS.begin}\n\n${tables}\n\n${document.slice(end)}`;
}
