import type { ExecEvent, ExecExit, ExecResult } from "./exec.ts";

/** One thing a Python program did, or the installation of its packages when that failed. The last is `exit`. */
export type PythonEvent =
  | Exclude<ExecEvent, { type: "exit" }>
  | ({
      type: "exit";
      /** `false` when it was the installation of the packages that ended so, and the program was not run */
      packagesInstalled?: false;
    } & ExecExit);

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

/** Who is told what is printed, as it is printed. */
export interface PythonListeners {
  readonly onStdout?: ((data: Uint8Array) => void) | undefined;
  readonly onStderr?: ((data: Uint8Array) => void) | undefined;
}

/** Keeps a program's events as its result, with `collect`, and tells what it prints meanwhile. */
export async function pythonResult(
  events: AsyncIterable<PythonEvent>,
  collect: (events: AsyncIterable<ExecEvent>) => Promise<ExecResult>,
  { onStdout, onStderr }: PythonListeners = {},
): Promise<PythonResult> {
  let installed = true;
  async function* told(): AsyncGenerator<ExecEvent, void, undefined> {
    for await (const event of events) {
      if (event.type === "stdout") onStdout?.(event.data);
      if (event.type === "stderr") onStderr?.(event.data);
      if (event.type === "exit") installed = event.packagesInstalled !== false;
      yield event;
    }
  }
  const result = toPythonResult(await collect(told()));
  return installed ? result : { ...result, error: `the packages could not be installed: ${result.error}` };
}

/** What a program's run tells. Where the time was up, that is said: what it wrote until then seldom tells. */
function toPythonResult({ exitCode, signal, timedOut, ...texts }: ExecResult): PythonResult {
  const { stdout, stderr, output } = texts;
  const success = exitCode === 0;
  const how = signal ? `python3 was ended by ${signal}` : `python3 ended with code ${exitCode}`;
  const why = timedOut ? [stderr.trim(), "the time was up"].filter(Boolean).join("\n") : stderr.trim() || how;
  return { exitCode, stdout, stderr, output, success, error: success ? null : why, timedOut };
}
