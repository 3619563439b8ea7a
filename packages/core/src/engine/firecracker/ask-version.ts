import { execFileSync } from "node:child_process";
import { type FirecrackerVersion, parseFirecrackerVersion } from "./capabilities.ts";

const TIMEOUT_MS = 10_000;

/** Asks a program for its version; `undefined` when it does not run here, or is no Firecracker. */
export function askVersion(binary: string): FirecrackerVersion | undefined {
  try {
    const said = execFileSync(binary, ["--version"], {
      ...{ encoding: "utf8", timeout: TIMEOUT_MS },
      stdio: ["ignore", "pipe", "ignore"],
    });
    return parseFirecrackerVersion(said);
  } catch {
    return undefined; // whatever hinders it: the answer is that it tells none
  }
}
