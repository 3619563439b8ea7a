import { storeCommand } from "../../args/common-options.ts";
import { confirm, withConfirmation } from "../../args/confirmation.ts";
import type { CliContext } from "../../context.ts";
import { fields } from "../../print/fields.ts";
import { tell } from "../../print/tell.ts";
import { forEach } from "../for-each.ts";

/** `bandsox snapshot info`. */
export function snapshotInfoCommand(context: CliContext) {
  return storeCommand("info")
    .alias("inspect")
    .description("show what is known of a snapshot")
    .argument("<snapshot>", "id, name, or start of an id")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot info before-upgrade")
    .action(async (reference, options) => {
      await using bandsox = await context.openBandSox(options);
      const info = await bandsox.snapshots.inspect(reference);
      await tell(context, options, { json: info, text: () => fields(info), ids: [info.id] });
    });
}

/** `bandsox snapshot rename`. */
export function snapshotRenameCommand(context: CliContext) {
  return storeCommand("rename")
    .description("give a snapshot another name")
    .argument("<snapshot>", "id, name, or start of an id")
    .argument("<name>", "the new name")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot rename before-upgrade v1")
    .action(async (reference, name, options) => {
      await using bandsox = await context.openBandSox(options);
      const info = await bandsox.snapshots.rename(reference, name);
      await tell(context, options, { json: info, text: `${info.id}\n`, ids: [info.id] });
    });
}

/** `bandsox snapshot delete`. */
export function snapshotDeleteCommand(context: CliContext) {
  return withConfirmation(storeCommand("delete"))
    .alias("rm")
    .description("delete snapshots")
    .argument("<snapshot...>", "ids, names, or starts of ids")
    .option("-f, --force", "also while VMs go on from it; they run on")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox snapshot delete before-upgrade\n  bandsox snapshot delete --yes v1 v2",
    )
    .action(async (references, { force, ...options }) => {
      const what = `delete ${references.length} snapshots: ${references.join(", ")}`;
      if (references.length > 1) await confirm(context, { ...options, what, isSpeltOut: true });
      await using bandsox = await context.openBandSox(options);
      await forEach(context, { ...options, references }, async (reference) => {
        const info = await bandsox.snapshots.inspect(reference);
        await bandsox.snapshots.delete(info.id, { force, signal: context.signal });
        return { id: info.id, json: () => info };
      });
    });
}
