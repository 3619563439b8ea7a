import { spawn } from "node:child_process";

/**
 * Has a pool filled by a process of its own: this one is about to end, and nobody waits for a pool. A process that
 * cannot be started leaves the pool as it is; the next VM that is taken from it tries again.
 */
export function fillPoolDetached(
  { execPath, execArgv, argv }: Pick<NodeJS.Process, "execPath" | "execArgv" | "argv">,
  { pool, storage }: { pool: string; storage: string | undefined },
): void {
  const where = storage === undefined ? [] : ["--storage", storage];
  const args = [...execArgv, argv[1] ?? "", "pool", "fill", pool, ...where];
  const child = spawn(execPath, args, { detached: true, stdio: "ignore" });
  child.on("error", () => {});
  child.unref();
}
