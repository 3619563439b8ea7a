import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { BandSoxError } from "@bandsox/contract";
import type { CliContext } from "../context.ts";

/** How a program ended: one of the two is `null`. */
export type ProgramEnd = readonly [code: number | null, signal: NodeJS.Signals | null];

/** @throws {BandSoxError} `interrupted` */
function endOf([code, killedBy]: unknown[], { aborted }: AbortSignal): ProgramEnd {
  if (aborted) throw new BandSoxError("interrupted", "interrupted; what was made is removed", {});
  return [code as number | null, killedBy as NodeJS.Signals | null];
}

/** Starts a program of BandSox's own, as this one was started. An interruption is passed on to it. */
export function startOwnProgram(
  { signal }: Pick<CliContext, "signal">,
  args: readonly string[],
  options: SpawnOptions,
): { readonly child: ChildProcess; readonly ended: Promise<ProgramEnd> } {
  const child = spawn(process.execPath, [...process.execArgv, ...args], options);
  // It removes what it has made before it ends, and is waited for until then.
  const onAbort = () => void child.kill("SIGINT");
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const ended = once(child, "close").finally(() => signal.removeEventListener("abort", onAbort));
  return { child, ended: ended.then((end) => endOf(end, signal)) };
}
