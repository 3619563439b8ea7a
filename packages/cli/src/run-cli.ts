import { isAnyBandSoxError, isBandSoxError } from "@bandsox/contract";
import { CommanderError } from "@commander-js/extra-typings";
import type { CliContext } from "./context.ts";
import { EXIT, ExitWith } from "./exit-codes.ts";
import { READER_GONE } from "./output.ts";
import { bandsoxCommand } from "./program.ts";

/** Runs one command line. @returns the process's exit code */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await runCommandLine(args, context);
    await context.stdout.write(""); // fails if what was written without waiting did
    return EXIT.ok;
  } catch (error) {
    return report(error, context);
  }
}

async function runCommandLine(args: readonly string[], context: CliContext): Promise<void> {
  try {
    await bandsoxCommand(context).parseAsync(args, { from: "user" });
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    if (!isHelp) throw error;
  }
}

async function report(error: unknown, { stderr, signal }: CliContext): Promise<number> {
  const [original, ...inCleanUp] = failuresOf(error);
  const say = (text: string) => stderr.write(text).catch(() => {}); // nobody is left to be told
  const exitCode = await reportOriginal(isAnyBandSoxError(signal.reason) ? signal.reason : original, {
    say,
    signal,
  });
  for (const failure of inCleanUp) await say(`bandsox: cleaning up failed, too\n${describe(failure)}`);
  return exitCode;
}

/** What failed first, then what failed while that was cleaned up after. */
function failuresOf(error: unknown): unknown[] {
  return error instanceof SuppressedError ? [...failuresOf(error.suppressed), error.error] : [error];
}

async function reportOriginal(
  error: unknown,
  { say, signal }: { say: (text: string) => Promise<void>; signal: AbortSignal },
): Promise<number> {
  if (error instanceof ExitWith) return error.exitCode;
  if (error instanceof CommanderError) return EXIT.usage;
  const isOutput = error === signal.reason;
  if ((signal.aborted && !isOutput) || isBandSoxError(error, "interrupted")) {
    if (signal.reason !== READER_GONE) await say("bandsox: interrupted\n");
    return EXIT.interrupted;
  }
  await say(describe(error));
  return isBandSoxError(error, "invalid_argument") ? EXIT.usage : EXIT.failed;
}

/** One line that says what happened, the evidence if there is any, and one line that says what to do. */
function describe(error: unknown): string {
  if (!isAnyBandSoxError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `bandsox: internal error, please report it\n${text}\n`;
  }
  const console = isBandSoxError(error, "vm_start_failed") ? error.details.console : "";
  const evidence = console === "" ? "" : `${console.replace(/^/gm, "  | ")}\n`;
  return `bandsox: ${error.message}\n${evidence}hint: ${error.hint}\n`;
}
