import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";
import { fields } from "../../print/fields.ts";

/** `bandsox snapshot info`. */
export function snapshotInfoCommand(context: CliContext) {
  return new Command("info")
    .alias("inspect")
    .description("show what is known of a snapshot")
    .argument("<snapshot>", "id, name, or start of an id")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .action(async (reference, options) => {
      await using bandsox = context.openBandSox(options);
      const info = await bandsox.snapshots.inspect(reference);
      await context.stdout.write(options.json ? `${JSON.stringify(info, undefined, 2)}\n` : fields(info));
    });
}

/** `bandsox snapshot rename`. */
export function snapshotRenameCommand(context: CliContext) {
  return new Command("rename")
    .description("give a snapshot another name")
    .argument("<snapshot>", "id, name, or start of an id")
    .argument("<name>", "the new name")
    .option(...STORAGE_OPTION)
    .action(async (reference, name, options) => {
      await using bandsox = context.openBandSox(options);
      const { id } = await bandsox.snapshots.rename(reference, name);
      await context.stdout.write(`${id}\n`);
    });
}

/** `bandsox snapshot delete`. */
export function snapshotDeleteCommand(context: CliContext) {
  return new Command("delete")
    .alias("rm")
    .description("delete a snapshot")
    .argument("<snapshot>", "id, name, or start of an id")
    .option("-f, --force", "also while VMs go on from it; they run on")
    .option(...STORAGE_OPTION)
    .action(async (reference, { force, ...options }) => {
      await using bandsox = context.openBandSox(options);
      const { id } = await bandsox.snapshots.inspect(reference);
      await bandsox.snapshots.delete(id, { force, signal: context.signal });
      await context.stdout.write(`${id}\n`);
    });
}
