import type { CommonOptions } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import type { Output } from "../output.ts";

/** Where progress is shown: on stderr, or nowhere when only the result is wanted. */
export function progressOutput({ stderr }: Pick<CliContext, "stderr">, options: CommonOptions): Output {
  if (!options.quiet && !options.json) return stderr;
  return { isTty: false, columns: stderr.columns, hasColors: false, write: async () => {} };
}
