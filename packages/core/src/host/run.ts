import { BandSoxError } from "@bandsox/contract";
import type { Options } from "execa";
import { toolPath } from "./find-tool.ts";
import { startChild, tiedToUs } from "./start-child.ts";

const OUTPUT_LIMIT_BYTES = 8 * 1024 * 1024;
const SHOWN_OUTPUT_CHARACTERS = 2000;

export interface RunOptions {
  /** Stops the tool with SIGTERM, then SIGKILL after 5 s; the call then rejects with `interrupted` */
  signal?: AbortSignal | undefined;
  cwd?: string | undefined;
  /** Variables added to this process's */
  env?: Record<string, string> | undefined;
  input?: string | undefined;
  /** Kill the tool after this many ms (default: no limit) */
  timeoutMs?: number | undefined;
  /** Exit codes that mean success beside 0, e.g. `1` of e2fsck: "errors were corrected" */
  alsoGood?: readonly number[] | undefined;
}

export interface RunResult {
  stdout: string;
  stderr: string;
}

/**
 * Runs a host tool to its end, which comes with SIGTERM when this process dies.
 *
 * @throws {BandSoxError} `tool_missing` when it is not installed, `tool_failed` with its last words when it fails,
 *   `disk_full` when it says so, `interrupted` when `signal` fires
 */
export async function run(
  tool: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await start(tool, args, options);
  const isGood = !result.failed || options.alsoGood?.includes(result.exitCode ?? -1);
  if (isGood) return { stdout: result.stdout as string, stderr: result.stderr as string };
  throw toolError(tool, args, result);
}

function start(tool: string, args: readonly string[], options: RunOptions) {
  return startChild(...tiedToUs(tool, args), {
    reject: false,
    maxBuffer: OUTPUT_LIMIT_BYTES,
    env: { LC_ALL: "C.UTF-8", PATH: toolPath(), ...options.env },
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    ...(options.timeoutMs ? { timeout: options.timeoutMs } : {}),
  } satisfies Options);
}

function toolError(
  tool: string,
  args: readonly string[],
  result: Awaited<ReturnType<typeof start>>,
): BandSoxError {
  const command = [tool, ...args].join(" ").slice(0, 200);
  if (result.isCanceled)
    return new BandSoxError("interrupted", `${tool} was interrupted`, {}, { cause: result });
  if (result.code === "ENOENT") {
    return new BandSoxError(
      "tool_missing",
      `cannot run ${tool}: it is not installed`,
      { tool },
      { cause: result },
    );
  }
  const output = `${result.stderr ?? ""}\n${result.stdout ?? ""}`.trim().slice(-SHOWN_OUTPUT_CHARACTERS);
  if (/no space left on device/i.test(output)) {
    return new BandSoxError("disk_full", `${tool}: no space left on device`, { path: args.at(-1) ?? "" });
  }
  const how = result.signal
    ? `was killed by ${result.signal}`
    : `ended with ${result.exitCode ?? result.code}`;
  const words = output.split("\n").at(-1);
  return new BandSoxError("tool_failed", `\`${command}\` ${how}${words ? `: ${words}` : ""}`, {
    tool,
    output,
  });
}
