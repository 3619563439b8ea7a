import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { defaultBinDir } from "@bandsox/core";

/** The Go helpers that are not built, which no VM runs without. */
export function missingHelpers(env: NodeJS.ProcessEnv = process.env): string[] {
  const binDir = defaultBinDir(env);
  return [
    "bandsox-agent",
    "bandsox-supervise",
    "bandsox-image",
    "bandsox-snapshot",
    "bandsox-network",
  ].filter((name) => !isExecutable(join(binDir, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not built: the answer
  }
}
