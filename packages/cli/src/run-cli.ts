import { isAnyBandSoxError, isBandSoxError } from "@bandsox/contract";
import { CommanderError } from "@commander-js/extra-typings";
import type { CommonOptions } from "./args/common-options.ts";
import type { CliContext } from "./context.ts";
import { EXIT, ExitWith } from "./exit-codes.ts";
import { READER_GONE } from "./output.ts";
import { failureText } from "./print/failure.ts";
import { bandsoxCommand } from "./program.ts";

/** Runs one command line. @returns the process's exit code */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const told: CommonOptions = {};
  try {
    await runCommandLine(args, context, told);
    await context.stdout.write(""); // fails if what was written without waiting did
    return EXIT.ok;
  } catch (error) {
    return report(error, { ...context, json: told.json });
  }
}

async function runCommandLine(
  args: readonly string[],
  context: CliContext,
  told: CommonOptions,
): Promise<void> {
  const onCommand = (options: CommonOptions) => void Object.assign(told, options);
  try {
    const program = await bandsoxCommand(context, { args, onCommand });
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    if (!isHelp) throw error;
  }
}

interface Reporting extends Pick<CliContext, "stderr" | "signal"> {
  readonly json: true | undefined;
}

interface Telling {
  readonly say: (text: string) => Promise<void>;
  readonly describe: (failure: unknown) => string;
  readonly signal: AbortSignal;
}

async function report(error: unknown, { stderr, signal, json }: Reporting): Promise<number> {
  const [original, ...inCleanUp] = failuresOf(error);
  const say = (text: string) => stderr.write(text).catch(() => {}); // nobody is left to be told
  const describe = (failure: unknown) => failureText(stderr, failure, json);
  const exitCode = await reportOriginal(isAnyBandSoxError(signal.reason) ? signal.reason : original, {
    say,
    describe,
    signal,
  });
  for (const failure of inCleanUp)
    await say(`${json ? "" : "bandsox: cleaning up failed, too\n"}${describe(failure)}`);
  return exitCode;
}

/** What failed first, then what failed while that was cleaned up after. */
function failuresOf(error: unknown): unknown[] {
  return error instanceof SuppressedError ? [...failuresOf(error.suppressed), error.error] : [error];
}

async function reportOriginal(error: unknown, { say, describe, signal }: Telling): Promise<number> {
  if (error instanceof ExitWith) return error.exitCode;
  if (error instanceof CommanderError) return EXIT.usage;
  const isOutput = error === signal.reason;
  if ((signal.aborted && !isOutput) || isBandSoxError(error, "interrupted")) {
    if (signal.reason !== READER_GONE) await say(signal.aborted ? "bandsox: interrupted\n" : describe(error));
    return EXIT.interrupted;
  }
  await say(describe(error));
  return isBandSoxError(error, "invalid_argument") ? EXIT.usage : EXIT.failed;
}
