import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";

/** `bandsox cleanup`. */
export function cleanupCommand(context: CliContext) {
  return new Command("cleanup")
    .description("settle what dead processes left, and say what that was")
    .option("--dry-run", "only say what would be done")
    .option("--strays", "remove also what is in the storage's directories and in none of its lists")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .action(async ({ dryRun, strays, json, storage }) => {
      await using bandsox = context.openBandSox({ storage });
      const report = await bandsox.cleanup({ dryRun, strays, signal: context.signal });
      if (json) return context.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
      const lines = (did: string, all: typeof report.left) =>
        all.map(({ kind, locator, found }) => `${did} ${kind} ${locator}: ${found}\n`).join("");
      const left = dryRun ? "would settle" : "left";
      await context.stdout.write(lines("settled", report.removed) + lines(left, report.left));
      const counts = Object.entries(report.counts).map(([kind, count]) => `${count} ${kind}`);
      await context.stdout.write(`${counts.length > 0 ? counts.join(", ") : "nothing to clean up"}\n`);
    });
}
