import type { TerminalSize } from "bandsox";
import { bytes } from "../print/bytes.ts";
import { paint, stateStyle } from "../print/paint.ts";
import { type Cell, table } from "../print/table.ts";
import { cutTo } from "../print/text-width.ts";
import { span } from "../print/time.ts";
import { ordered, type TopRow } from "./top-rows.ts";
import { KEY_HELP, type TopView } from "./top-view.ts";

/** The columns, with the width their content has as a rule. */
const COLUMNS = [
  ["ID", 15],
  ["NAME", 12],
  ["STATE", 8],
  ["CPU", 7],
  ["MEMORY", 17],
  ["DISK", 8],
  ["RX/s", 8],
  ["TX/s", 8],
  ["PROCS", 5],
  ["AGE", 5],
] as const;
type Heading = (typeof COLUMNS)[number][0];
/** What a narrow screen goes without, the first to go first. */
const SPARED: readonly Heading[] = ["PROCS", "DISK", "TX/s", "RX/s"];
const GAP = 3;
const FRAME_LINES = 4;

interface ScreenOptions {
  readonly view: TopView;
  readonly size: TerminalSize;
  readonly hasColors: boolean;
  readonly now: Date;
}

/** The lines of the screen: as many as it has, none wider than it is. */
export function topScreen(rows: readonly TopRow[], { view, size, hasColors, now }: ScreenOptions): string[] {
  const output = { isTty: true, columns: size.cols, hasColors };
  const room = Math.max(0, size.rows - FRAME_LINES);
  const from = Math.min(view.from, Math.max(0, rows.length - room));
  const shown = ordered(rows, view).slice(from, from + room);
  const headings = headingsFor(size.cols);
  const body = view.showsHelp
    ? [...KEY_HELP]
    : table(
        output,
        headings,
        shown.map((row) => cells(row, headings)),
      )
        .trimEnd()
        .split("\n");
  const order = `by ${view.order}${view.isReversed ? ", reversed" : ""}${view.isStill ? ", held still" : ""}`;
  const running = rows.filter(({ state }) => state === "running").length;
  const lines = [
    `bandsox top - ${now.toTimeString().slice(0, 8)} - ${rows.length} VMs, ${running} running, ${order}`,
    "",
    ...body,
  ].slice(0, Math.max(1, size.rows - 1));
  const filled = [...lines, ...Array.from({ length: Math.max(0, size.rows - 1 - lines.length) }, () => "")];
  const foot = paint(output, "dim", cutTo("q leave   ? keys   space hold   < > order", size.cols));
  return [...filled.map((line) => (line.includes("\u001b") ? line : cutTo(line, size.cols))), foot];
}

/** As many columns as fit whole: those that say which VM it is and how it is doing are the last to be cut. */
function headingsFor(columns: number): Heading[] {
  let kept = [...COLUMNS];
  const width = () => kept.reduce((sum, [, wide]) => sum + wide + GAP, -GAP);
  for (const heading of SPARED) if (width() > columns) kept = kept.filter(([name]) => name !== heading);
  return kept.map(([name]) => name);
}

function cells(row: TopRow, headings: readonly Heading[]): Cell[] {
  const { memUsedBytes, memTotalBytes } = row;
  const all: Record<Heading, Cell> = {
    ID: row.id,
    NAME: row.name,
    STATE: { text: row.state, style: stateStyle(row.state) },
    CPU: row.cpuPercent === undefined ? "-" : `${row.cpuPercent.toFixed(1)} %`,
    MEMORY: memUsedBytes === undefined ? "-" : `${bytes(memUsedBytes)} / ${bytes(memTotalBytes ?? 0)}`,
    DISK: count(row.diskUsedBytes),
    "RX/s": count(row.rxBytesPerSecond),
    "TX/s": count(row.txBytesPerSecond),
    PROCS: row.processes === undefined ? "-" : `${row.processes}`,
    AGE: span(row.ageMs),
  };
  return headings.map((heading) => all[heading]);
}

function count(value: number | undefined): string {
  return value === undefined ? "-" : bytes(Math.round(value));
}
