import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { VmPaths } from "../host/paths.ts";

const TAIL_BYTES = 4096;
/** What parts the runs of a VM in its console log; `boundedlog.go` writes it */
const STARTED_AGAIN = "[bandsox: started again]";

/** The console's last `bytes` of the VM's last run, without control characters. */
export function lastConsole(paths: VmPaths, bytes: number): string {
  const [older, newer] = [tail(`${paths.console}.1`, bytes), tail(paths.console, bytes)];
  const text = `${older}\n${newer}`.slice(-bytes);
  return text
    .slice(text.lastIndexOf(STARTED_AGAIN) + 1)
    .replace(STARTED_AGAIN.slice(1), "")
    .trim();
}

/** The last lines of the guest's console and of the VMM's own log, without control characters. */
export function consoleTail(paths: VmPaths): string {
  return [paths.console, paths.vmmLog]
    .map((path) => tail(path, TAIL_BYTES))
    .filter((text) => text !== "")
    .join("\n");
}

function tail(path: string, bytes: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return ""; // never written
  }
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, bytes));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    // The guest is hostile: what it prints must not drive the terminal of whoever reads it.
    return buffer
      .toString("utf8")
      .replace(/[^\n\t\x20-\x7e\u00a0-\uffff]/g, "")
      .trim();
  } finally {
    closeSync(file);
  }
}
