import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { VmPaths } from "../host/paths.ts";

const TAIL_BYTES = 4096;

/** The last lines of the guest's console and of the VMM's own log, without control characters. */
export function consoleTail(paths: VmPaths): string {
  return [paths.console, paths.vmmLog]
    .map(tail)
    .filter((text) => text !== "")
    .join("\n");
}

function tail(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return ""; // never written
  }
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
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
