import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";
import { bytes } from "../../print/bytes.ts";
import { columns } from "../../print/columns.ts";
import { age } from "../../print/time.ts";

/** `bandsox snapshot list`. */
export function snapshotListCommand(context: CliContext) {
  return new Command("list")
    .alias("ls")
    .description("list snapshots, the newest first")
    .option("--json", "print JSON")
    .option("-q, --quiet", "print only the ids")
    .option(...STORAGE_OPTION)
    .action(async (options) => {
      await using bandsox = context.openBandSox(options);
      const snapshots = await bandsox.snapshots.list();
      if (options.json) return context.stdout.write(`${JSON.stringify(snapshots, undefined, 2)}\n`);
      if (options.quiet) return context.stdout.write(snapshots.map(({ id }) => `${id}\n`).join(""));
      const rows = snapshots.map((snapshot) => [
        snapshot.id,
        snapshot.name,
        snapshot.vmName,
        snapshot.image,
        bytes(snapshot.sizeBytes),
        `${snapshot.clones.length}`,
        age(snapshot.createdAt, new Date()),
      ]);
      await context.stdout.write(columns(["ID", "NAME", "OF", "IMAGE", "SIZE", "VMS", "AGE"], rows));
    });
}
