import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import type { CommonOptions } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { EXIT, ExitWith } from "../exit-codes.ts";
import { failureText } from "../print/failure.ts";
import { jsonText } from "../print/tell.ts";

/** What was done to one of several things. */
interface Done {
  /** What it is called by from now on; its line for people */
  readonly id: string;
  /** What is known of it; asked for when JSON is printed */
  readonly json: () => unknown;
}

/** Does one thing to each of those named, prints the id of each it was done to, and goes on past those that fail. */
export async function forEach(
  context: CliContext,
  { json, references }: CommonOptions & { readonly references: readonly string[] },
  action: (reference: string) => Promise<Done>,
): Promise<void> {
  const done: unknown[] = [];
  let failed = false;
  for (const reference of references) {
    if (context.signal.aborted)
      throw new BandSoxError("interrupted", `interrupted before ${reference}, which is as it was`, {});
    try {
      const one = await action(reference);
      if (json) done.push(await one.json());
      else await context.stdout.write(`${one.id}\n`);
    } catch (error) {
      if (!isAnyBandSoxError(error) || context.signal.aborted) throw error;
      failed = true;
      await context.stderr.write(failureText(context.stderr, error, json));
    }
  }
  if (json) await context.stdout.write(jsonText(done));
  if (failed) throw new ExitWith(EXIT.failed);
}
