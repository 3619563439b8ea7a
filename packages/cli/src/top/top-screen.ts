import type { TerminalSize } from "bandsox";
import { bytes } from "../print/bytes.ts";
import { paint, stateStyle } from "../print/paint.ts";
import { type Cell, table } from "../print/table.ts";
import { cutTo } from "../print/text-width.ts";
import { span } from "../print/time.ts";
import { ordered, type TopRow } from "./top-rows.ts";
import { KEY_HELP, type TopView } from "./top-view.ts";

const HEADINGS = ["ID", "NAME", "STATE", "CPU", "MEMORY", "DISK", "RX/s", "TX/s", "PROCS", "AGE"];
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
  const body = view.showsHelp
    ? [...KEY_HELP]
    : table(output, HEADINGS, shown.map(cells)).trimEnd().split("\n");
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

function cells(row: TopRow): Cell[] {
  const { memUsedBytes, memTotalBytes } = row;
  return [
    row.id,
    row.name,
    { text: row.state, style: stateStyle(row.state) },
    row.cpuPercent === undefined ? "-" : `${row.cpuPercent.toFixed(1)} %`,
    memUsedBytes === undefined ? "-" : `${bytes(memUsedBytes)} / ${bytes(memTotalBytes ?? 0)}`,
    ...[row.diskUsedBytes, row.rxBytesPerSecond, row.txBytesPerSecond].map(count),
    row.processes === undefined ? "-" : `${row.processes}`,
    span(row.ageMs),
  ];
}

function count(value: number | undefined): string {
  return value === undefined ? "-" : bytes(Math.round(value));
}
