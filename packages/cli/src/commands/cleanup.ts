import { storeCommand } from "../args/common-options.ts";
import { confirm, withConfirmation } from "../args/confirmation.ts";
import type { CliContext } from "../context.ts";
import { oneLine } from "../print/one-line.ts";
import { tell } from "../print/tell.ts";

/** `bandsox cleanup`. */
export function cleanupCommand(context: CliContext) {
  return withConfirmation(storeCommand("cleanup"))
    .description("settle what dead processes left, and say what that was")
    .option("--dry-run", "only say what would be done")
    .option("--strays", "remove also what is in the storage's directories and in none of its lists")
    .addHelpText("after", "\nExamples:\n  bandsox cleanup --dry-run\n  bandsox cleanup --strays --yes")
    .action(async ({ dryRun, strays, ...options }) => {
      const what = "remove everything in the storage's directories that is in none of its lists";
      if (strays && !dryRun) await confirm(context, { ...options, what, isSpeltOut: false });
      await using bandsox = await context.openBandSox(options);
      const report = await bandsox.cleanup({ dryRun, strays, signal: context.signal });
      const lines = (did: string, all: typeof report.left) =>
        all
          .map(({ kind, locator, found }) => `${did} ${kind} ${oneLine(locator)}: ${oneLine(found)}\n`)
          .join("");
      const left = dryRun ? "would settle" : "left";
      const counts = Object.entries(report.counts).map(([kind, count]) => `${count} ${kind}`);
      const sum = `${counts.length > 0 ? counts.join(", ") : "nothing to clean up"}\n`;
      const text = () => lines("settled", report.removed) + lines(left, report.left) + sum;
      await tell(context, options, { json: report, text, ids: report.removed.map(({ locator }) => locator) });
    });
}
