import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** The directories system tools are in; on Debian a user's own `PATH` lacks those that hold `mke2fs`. */
export function toolPath(path = process.env.PATH ?? ""): string {
  const given = path.split(":").filter((dir) => dir !== "");
  return [...new Set([...given, "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])].join(":");
}

/** The absolute path of an executable, or `undefined` when it is not installed. */
export function findTool(name: string): string | undefined {
  return toolPath()
    .split(":")
    .map((dir) => join(dir, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us
  }
}

/** The path itself if it is an executable, `undefined` otherwise. */
export function executableAt(path: string): string | undefined {
  return isExecutable(path) ? path : undefined;
}
