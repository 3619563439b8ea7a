import { execFileSync } from "node:child_process";
import { cpus, freemem, loadavg, release, totalmem } from "node:os";

/** What a figure has to be read with. */
export interface HostStamp {
  readonly at: string;
  readonly commit: string;
  readonly processor: string;
  readonly processors: number;
  readonly kernel: string;
  readonly node: string;
  readonly memoryMib: number;
  readonly freeMib: number;
  /** Mean number of runnable processes of the last minute, before the run: noise, when it is not near 0 */
  readonly load: number;
}

/** The machine and the source as they are now. */
export function hostStamp(repository: string): HostStamp {
  const processors = cpus();
  const mib = (bytes: number) => Math.round(bytes / 1024 / 1024);
  return {
    at: new Date().toISOString(),
    commit: commitOf(repository),
    processor: processors[0]?.model.trim() ?? "unknown",
    processors: processors.length,
    kernel: release(),
    node: process.version,
    memoryMib: mib(totalmem()),
    freeMib: mib(freemem()),
    load: loadavg()[0] ?? 0,
  };
}

function commitOf(repository: string): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      cwd: repository,
      encoding: "utf8",
    }).trim();
  } catch {
    return "unknown"; // an unpacked release is no repository
  }
}
