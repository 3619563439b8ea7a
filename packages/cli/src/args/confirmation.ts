import { createInterface } from "node:readline/promises";
import { BandSoxError } from "@bandsox/contract";
import type { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../context.ts";

/** Adds `--yes`. */
export function withConfirmation<A extends unknown[], O extends Record<string, unknown>>(
  command: Command<A, O>,
) {
  return command.option("-y, --yes", "do not ask before more than one thing is destroyed");
}

export interface Question {
  /** What is about to happen, e.g. `delete 3 VMs: a, b, c` */
  readonly what: string;
  /** Whether the command line spells out what is destroyed, so that a script need not say it twice */
  readonly isSpeltOut: boolean;
  readonly yes?: true | undefined;
}

/**
 * Asks on the terminal before something is destroyed; without a terminal nobody is asked.
 *
 * @throws {BandSoxError} `interrupted` when the answer is no, `invalid_argument` where nobody can be asked
 */
export async function confirm(
  { stdin, stderr, signal }: CliContext,
  { what, isSpeltOut, yes }: Question,
): Promise<void> {
  if (yes) return;
  if (!stdin.isTty || !stderr.isTty) {
    if (isSpeltOut) return;
    const message = `would ${what}, and there is no terminal to ask on: give --yes`;
    throw new BandSoxError("invalid_argument", message, { field: "yes", found: undefined });
  }
  await stderr.write(`${what}? [y/N] `);
  using lines = createInterface({ input: stdin.open(), terminal: false });
  const answer = await lines.question("", { signal }).catch(() => "");
  if (/^\s*y(es)?\s*$/i.test(answer)) return;
  throw new BandSoxError("interrupted", `did not ${what}`, {});
}
