import type { TransferProgress } from "@bandsox/contract";
import type { Output } from "../output.ts";

const MEGABYTE = 1_000_000;
const CLEAR_LINE = "\r\u001b[2K";
const BAR_CELLS = 20;
const REDRAW_MS = 100;

/** A line on a terminal that says how far a transfer is; elsewhere nothing. */
export function fileProgress(stderr: Output, label: string, now: () => number = Date.now) {
  let drawn = 0;
  const onProgress = (progress: TransferProgress) => {
    const finished = progress.bytes === progress.total;
    if (!stderr.isTty || (now() - drawn < REDRAW_MS && !finished)) return;
    drawn = now();
    void stderr.write(`${CLEAR_LINE}${progressLine(label, progress).slice(0, stderr.columns - 1)}`);
  };
  const clear = async () => {
    if (drawn === 0) return;
    drawn = 0;
    await stderr.write(CLEAR_LINE);
  };
  return { onProgress, clear };
}

/** What the line says. */
export function progressLine(label: string, { bytes, total }: TransferProgress): string {
  const done = (bytes / MEGABYTE).toFixed(1);
  if (total === undefined) return `${label}: ${done} MB`;
  const cells = total === 0 ? BAR_CELLS : Math.min(BAR_CELLS, Math.floor((bytes / total) * BAR_CELLS));
  return `${label}: [${"#".repeat(cells).padEnd(BAR_CELLS)}] ${done} of ${(total / MEGABYTE).toFixed(1)} MB`;
}
