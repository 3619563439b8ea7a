import {
  BandSoxError,
  type ExecEvent,
  type ExecResult,
  isBandSoxError,
  type PythonEvent,
  type PythonResult,
  parseInput,
  pythonResult,
  type VmId,
} from "@bandsox/contract";
import { z } from "zod";
import { collect } from "../guest/collect.ts";
import { FRAME_MAX_BYTES } from "../guest/frames.ts";
import type { ExecOptions } from "./exec-options.ts";
import { pythonArgv } from "./python.ts";
import { makeVenv, newVenv, Packages, type RunStep, removeVenv, type Venv } from "./python-venv.ts";
import type { Command } from "./vm-guest.ts";

const CLEANUP_TIMEOUT_MS = 30_000;

/** How to run Python source; `timeoutMs` is for the installation of packages and the program together. */
export interface PythonStreamOptions extends ExecOptions {
  /** Packages the program needs, as `pip install` takes them; they get a virtual environment of their own */
  packages?: readonly string[];
  /** Whether that environment is removed afterwards (default: `true`) */
  cleanupVenv?: boolean;
}

/** How to run Python source and keep what it prints. */
export interface PythonOptions extends PythonStreamOptions {
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
  { onStdout, onStderr, ...options }: PythonOptions = {},
): Promise<PythonResult> {
  const kept = (events: AsyncIterable<ExecEvent>) => collect(events, options.maxOutputBytes);
  return pythonResult(streamPython(host, code, options), kept, { onStdout, onStderr });
}

/** Runs Python source in a guest and brings what it prints as it comes; leaving the iteration kills it. */
export async function* streamPython(
  host: PythonHost,
  code: string,
  { packages = [], cleanupVenv = true, ...exec }: PythonStreamOptions = {},
): AsyncGenerator<PythonEvent, void, undefined> {
  parseInput(z.object({ packages: Packages }), { packages }, "Python");
  try {
    const program = { code, exec };
    if (packages.length === 0) yield* runProgram(host, program);
    else yield* runWithPackages(host, { ...program, packages, cleanupVenv });
  } catch (error) {
    throw isBandSoxError(error, "exec_not_started") ? await reasonOf(host, error, exec) : error;
  }
}

interface Program {
  readonly code: string;
  readonly exec: ExecOptions;
  /** The interpreter (default: the image's) */
  readonly python?: string;
}

function runProgram(host: PythonHost, { code, exec, python }: Program): AsyncIterable<ExecEvent> {
  const [python3, ...args] = pythonArgv(code);
  return host.execStream([python ?? python3 ?? "", ...args], exec);
}

async function* runWithPackages(
  host: PythonHost,
  { packages, cleanupVenv, ...program }: Program & { packages: readonly string[]; cleanupVenv: boolean },
): AsyncGenerator<PythonEvent, void, undefined> {
  const { stdin: _, timeoutMs, ...exec } = program.exec;
  const left = countdown(timeoutMs);
  const step: RunStep = (argv) => collect(host.execStream(argv, { ...exec, ...left() }), exec.maxOutputBytes);
  const venv = newVenv();
  let exit: PythonEvent | undefined;
  try {
    const made = await makeVenv(step, venv, packages);
    const ready = { ...program, python: venv.python, exec: { ...program.exec, ...left() } };
    const events = made.exitCode === 0 ? runProgram(host, ready) : notInstalled(made);
    for await (const event of events) {
      if (event.type === "exit") exit = event;
      else yield event;
    }
  } finally {
    if (cleanupVenv) await cleanUp(host, venv, exec);
  }
  // Who hears of the end may take a snapshot at once: nothing of the environment is to be in it.
  if (exit) yield exit;
}

/** What is left of a time at each moment, as an exec takes it. */
function countdown(timeoutMs: number | undefined): () => { timeoutMs?: number } {
  if (timeoutMs === undefined) return () => ({});
  const end = performance.now() + timeoutMs;
  return () => ({ timeoutMs: Math.max(1, Math.round(end - performance.now())) });
}

/** An installation that failed, told as the program's own failure would be. */
function* notInstalled({ stdout, stderr, exitCode, signal, timedOut }: ExecResult): Generator<PythonEvent> {
  for (const data of piecesOf(stdout)) yield { type: "stdout", data };
  for (const data of piecesOf(stderr)) yield { type: "stderr", data };
  const exit = { exitCode, timedOut, ...(signal === undefined ? {} : { signal }) };
  yield { type: "exit", packagesInstalled: false, ...exit };
}

/** Text in pieces as large as an exec's own are at most. */
function* piecesOf(text: string): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += FRAME_MAX_BYTES) yield bytes.subarray(at, at + FRAME_MAX_BYTES);
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
