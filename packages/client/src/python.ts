import type { ExecEvent, PythonEvent, PythonResult } from "@bandsox/contract";
import { pythonResult } from "@bandsox/contract/wire";
import { collect } from "./collect.ts";
import { type ExecOptions, streamEvents } from "./exec.ts";
import type { Transport } from "./transport.ts";

/** How to run Python source; `timeoutMs` is for the installation of packages and the program together. */
export interface PythonStreamOptions extends Omit<ExecOptions, "stdin"> {
  /** Packages the program needs, as `pip install` takes them; they get a virtual environment of their own */
  packages?: readonly string[] | undefined;
  /** Whether that environment is removed afterwards (default: `true`) */
  cleanupVenv?: boolean | undefined;
}

/** How to run Python source and keep what it prints. */
export interface PythonOptions extends PythonStreamOptions {
  /** Told what the program prints, as it prints it */
  onStdout?: ((data: Uint8Array) => void) | undefined;
  onStderr?: ((data: Uint8Array) => void) | undefined;
}

/** Python source on its way to the server. */
export interface PythonCall {
  readonly vm: string;
  readonly code: string;
  readonly options: PythonStreamOptions;
}

/** Runs Python source in a VM. */
export async function runPython(
  transport: Transport,
  { options, ...call }: PythonCall & { options: PythonOptions },
): Promise<PythonResult> {
  const { onStdout, onStderr, ...how } = options;
  const kept = (events: AsyncIterable<ExecEvent>) => collect(events, how.maxOutputBytes);
  return pythonResult(streamPython(transport, { ...call, options: how }), kept, { onStdout, onStderr });
}

/** Runs Python source in a VM and brings what it prints as it comes; leaving the iteration kills it. */
export function streamPython(
  transport: Transport,
  { vm, code, options }: PythonCall,
): AsyncGenerator<PythonEvent, void, undefined> {
  const { cwd, env, user, timeoutMs = 0, maxOutputBytes, packages, cleanupVenv, signal } = options;
  const how = { cwd, env, user, timeout_ms: timeoutMs, max_output_bytes: maxOutputBytes };
  const body = { code, ...how, packages: packages && [...packages], cleanup_venv: cleanupVenv };
  const input = { params: { id: vm }, body };
  return streamEvents<PythonEvent>(
    (how) => transport.open("POST /api/vms/:id/exec-python", { ...input, ...how }),
    { what: "the program", signal },
  );
}
