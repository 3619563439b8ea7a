import { isAnyBandSoxError, isBandSoxError } from "@bandsox/contract";
import { CommanderError } from "@commander-js/extra-typings";
import type { CliContext } from "./context.ts";
import { EXIT, ExitWith } from "./exit-codes.ts";
import { bandsoxCommand } from "./program.ts";

/** Runs one command line. @returns the process's exit code */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await bandsoxCommand(context).parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return report(error, context);
  }
}

async function report(error: unknown, { stderr, signal }: CliContext): Promise<number> {
  if (error instanceof ExitWith) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (signal.aborted || isBandSoxError(error, "interrupted")) {
    await stderr.write("bandsox: interrupted\n");
    return EXIT.interrupted;
  }
  await stderr.write(describe(error));
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
