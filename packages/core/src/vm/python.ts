import type { ExecResult } from "@bandsox/contract";

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
}

/** The command that runs Python source: passed as an argument, so nothing is quoted, written or left behind. */
export function pythonArgv(code: string): string[] {
  return ["python3", "-c", code];
}

export function toPythonResult({ exitCode, signal, stdout, stderr, output }: ExecResult): PythonResult {
  const success = exitCode === 0;
  const how = signal ? `python3 was ended by ${signal}` : `python3 ended with code ${exitCode}`;
  return { exitCode, stdout, stderr, output, success, error: success ? null : stderr.trim() || how };
}
