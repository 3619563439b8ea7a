import type { CommonOptions } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";

/** What a command found or did, in the three forms it can be asked for in. */
export interface Told {
  /** For programs; its form is one of `json/outputs.ts` */
  readonly json: unknown;
  /** For people */
  readonly text: string | (() => string);
  /** What `--quiet` leaves of it, one a line (default: nothing) */
  readonly ids?: readonly string[];
}

/** Prints a command's result in the form asked for. */
export async function tell(
  { stdout }: Pick<CliContext, "stdout">,
  { json, quiet }: CommonOptions,
  told: Told,
): Promise<void> {
  if (json) return stdout.write(jsonText(told.json));
  if (quiet) return stdout.write((told.ids ?? []).map((id) => `${id}\n`).join(""));
  await stdout.write(typeof told.text === "string" ? told.text : told.text());
}

/** A value as JSON on lines of its own. */
export function jsonText(value: unknown): string {
  return `${printable(JSON.stringify(value, undefined, 2))}\n`;
}

/** One value of a stream of them: a line of JSON. */
export function jsonLine(value: unknown): string {
  return `${printable(JSON.stringify(value))}\n`;
}

/** JSON leaves some control characters as they are, by which a guest's text would command the terminal. */
function printable(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
