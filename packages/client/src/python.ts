import type { ExecOptions } from "./exec.ts";
import type { Transport } from "./transport.ts";

/** How to run Python source; `timeoutMs` is for the installation of packages and the program together. */
export interface PythonOptions extends Omit<ExecOptions, "stdin"> {
  /** Packages the program needs, as `pip install` takes them; they get a virtual environment of their own */
  packages?: readonly string[] | undefined;
  /** Whether that environment is removed afterwards (default: `true`) */
  cleanupVenv?: boolean | undefined;
  /** Told what the program printed, once it has ended */
  onStdout?: ((data: Uint8Array) => void) | undefined;
  onStderr?: ((data: Uint8Array) => void) | undefined;
}

/** What a Python program did. */
export interface PythonResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Both streams in the order they arrived */
  output: string;
  /** Whether it ended with 0 */
  success: boolean;
  /** What it wrote to stderr when it failed, `null` when it did not */
  error: string | null;
  /** Whether `timeoutMs` passed, in the program or while its packages were installed, and so it was killed */
  timedOut: boolean;
}

/** Runs Python source in a VM. */
export async function runPython(
  transport: Transport,
  { vm, code, options }: { vm: string; code: string; options: PythonOptions },
): Promise<PythonResult> {
  const { cwd, env, user, timeoutMs = 0, maxOutputBytes, packages, cleanupVenv, signal } = options;
  const how = { cwd, env, user, timeout_ms: timeoutMs, max_output_bytes: maxOutputBytes };
  const body = { code, ...how, packages: packages && [...packages], cleanup_venv: cleanupVenv };
  const call = { params: { id: vm }, body, signal, timeoutMs: 0 };
  const {
    exit_code: exitCode,
    timed_out: timedOut,
    ...rest
  } = await transport.call("POST /api/vms/:id/exec-python", call);
  const encoder = new TextEncoder();
  if (rest.stdout !== "") options.onStdout?.(encoder.encode(rest.stdout));
  if (rest.stderr !== "") options.onStderr?.(encoder.encode(rest.stderr));
  return { exitCode, timedOut, ...rest };
}
