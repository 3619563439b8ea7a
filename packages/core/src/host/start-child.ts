import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { execa } from "execa";
import { findTool } from "./find-tool.ts";

/**
 * Runs a program as `execa` does, but for its `cleanup`: that listens for signals, and ends this process at once where the
 * only other listener was one for `once`, which is how programs that use this library hear of a signal and then clean up.
 * A child that must not outlive this process is started with `tiedToUs`, or ends at the end of its standard input.
 */
export const startChild = execa({ cleanup: false });

/**
 * A tool and its arguments, as a command that the kernel ends with SIGTERM when this process dies, however it dies: a process
 * that is killed has no say.
 */
export function tiedToUs(tool: string, args: readonly string[]): [file: string, args: readonly string[]] {
  const path = findTool(tool); // setpriv would report a missing tool as a failure of its own
  const setpriv = findTool("setpriv");
  return path && setpriv && !isBusybox(setpriv)
    ? [setpriv, ["--pdeathsig", "TERM", "--", path, ...args]]
    : [tool, args];
}

/** Whether it is one of busybox's applets, which take fewer options. */
function isBusybox(path: string): boolean {
  return basename(realpathSync(path)) === "busybox";
}
