import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox vm rename`. */
export function vmRenameCommand(context: CliContext) {
  return new Command("rename")
    .description("give a VM another name; its guest's host name follows when it starts again")
    .argument("<vm>", "id, name, or start of an id")
    .argument("<name>", "the new name")
    .option(...STORAGE_OPTION)
    .action(async (reference, name, options) => {
      await using bandsox = context.openBandSox(options);
      const { id } = await (await bandsox.getVm(reference)).rename(name);
      await context.stdout.write(`${id}\n`);
    });
}
