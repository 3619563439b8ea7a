import {
  BandSoxError,
  type ExecEvent,
  type ExecResult,
  isBandSoxError,
  parseInput,
  type VmId,
} from "@bandsox/contract";
import { z } from "zod";
import { collect } from "../guest/collect.ts";
import type { ExecOptions } from "./exec-options.ts";
import { type PythonResult, pythonArgv, toPythonResult } from "./python.ts";
import { makeVenv, newVenv, Packages, type RunStep, removeVenv, type Venv } from "./python-venv.ts";
import type { Command } from "./vm-guest.ts";

const CLEANUP_TIMEOUT_MS = 30_000;

/** How to run Python source; `timeoutMs` is for the installation of packages and the program together. */
export interface PythonOptions extends ExecOptions {
  /** Packages the program needs, as `pip install` takes them; they get a virtual environment of their own */
  packages?: readonly string[];
  /** Whether that environment is removed afterwards (default: `true`) */
  cleanupVenv?: boolean;
  /** Told what the program prints, as it prints it */
  onStdout?: (data: Uint8Array) => void;
  onStderr?: (data: Uint8Array) => void;
}

/** What running Python needs of its VM. */
export interface PythonHost {
  readonly id: VmId;
  execStream(command: Command, options: ExecOptions): AsyncIterable<ExecEvent>;
}

/**
 * Runs Python source in a guest. A program or an installation that fails is a result.
 *
 * @throws {BandSoxError} `python_missing`, and as an exec does
 */
export async function runPython(
  host: PythonHost,
  code: string,
  options: PythonOptions = {},
): Promise<PythonResult> {
  const { packages = [], cleanupVenv = true, onStdout, onStderr, ...exec } = options;
  parseInput(z.object({ packages: Packages }), { packages }, "Python");
  try {
    const program = { code, onStdout, onStderr, exec };
    if (packages.length === 0) return await runProgram(host, program);
    return await runWithPackages(host, { ...program, packages, cleanupVenv });
  } catch (error) {
    throw isBandSoxError(error, "exec_not_started") ? await reasonOf(host, error, exec) : error;
  }
}

/** Who is told what is printed. */
interface Listeners {
  readonly onStdout?: PythonOptions["onStdout"] | undefined;
  readonly onStderr?: PythonOptions["onStderr"] | undefined;
}

interface Program extends Listeners {
  readonly code: string;
  readonly exec: ExecOptions;
  /** The interpreter (default: the image's) */
  readonly python?: string;
}

async function runProgram(
  host: PythonHost,
  { code, exec, python, onStdout, onStderr }: Program,
): Promise<PythonResult> {
  const [python3, ...args] = pythonArgv(code);
  const events = host.execStream([python ?? python3 ?? "", ...args], exec);
  return toPythonResult(await collect(told(events, { onStdout, onStderr }), exec.maxOutputBytes));
}

async function runWithPackages(
  host: PythonHost,
  { packages, cleanupVenv, ...program }: Program & { packages: readonly string[]; cleanupVenv: boolean },
): Promise<PythonResult> {
  const { stdin: _, timeoutMs, ...exec } = program.exec;
  const left = countdown(timeoutMs);
  const step: RunStep = (argv) => collect(host.execStream(argv, { ...exec, ...left() }), exec.maxOutputBytes);
  const venv = newVenv();
  try {
    const made = await makeVenv(step, venv, packages);
    if (made.exitCode !== 0) return notInstalled(made, program);
    const { python } = venv;
    return await runProgram(host, { ...program, python, exec: { ...program.exec, ...left() } });
  } finally {
    if (cleanupVenv) await cleanUp(host, venv, exec);
  }
}

/** What is left of a time at each moment, as an exec takes it. */
function countdown(timeoutMs: number | undefined): () => { timeoutMs?: number } {
  if (timeoutMs === undefined) return () => ({});
  const end = performance.now() + timeoutMs;
  return () => ({ timeoutMs: Math.max(1, Math.round(end - performance.now())) });
}

/** An installation that failed, told as the program's own failure would be. */
function notInstalled(made: ExecResult, { onStdout, onStderr }: Program): PythonResult {
  if (made.stdout) onStdout?.(Buffer.from(made.stdout));
  if (made.stderr) onStderr?.(Buffer.from(made.stderr));
  const result = toPythonResult(made);
  return { ...result, error: `the packages could not be installed: ${result.error}` };
}

/** Removes the environment even when the run was called off; what stays behind is gone with the VM. */
async function cleanUp(host: PythonHost, venv: Venv, { env, user }: ExecOptions): Promise<void> {
  const options = {
    ...(env === undefined ? {} : { env }),
    ...(user === undefined ? {} : { user }),
    signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS),
  };
  const run: RunStep = (argv) => collect(host.execStream(argv, { cwd: "/", ...options }));
  await removeVenv(run, venv).catch(() => {});
}

async function* told(
  events: AsyncIterable<ExecEvent>,
  { onStdout, onStderr }: Listeners,
): AsyncGenerator<ExecEvent> {
  for await (const event of events) {
    if (event.type === "stdout") onStdout?.(event.data);
    if (event.type === "stderr") onStderr?.(event.data);
    yield event;
  }
}

/** Tells a guest without Python from a working directory or a user that is wrong. */
async function reasonOf(host: PythonHost, error: BandSoxError, { env, signal }: ExecOptions) {
  const options = {
    cwd: "/",
    ...(env === undefined ? {} : { env }),
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    await collect(host.execStream(["python3", "--version"], options));
    return error;
  } catch (probed) {
    if (!isBandSoxError(probed, "exec_not_started")) return error;
    const message = `cannot run Python in ${host.id}: there is no python3 on its PATH`;
    return new BandSoxError("python_missing", message, { vmId: host.id }, { cause: error });
  }
}
