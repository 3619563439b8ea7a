import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox vm rename`. */
export function vmRenameCommand(context: CliContext) {
  return storeCommand("rename")
    .description("give a VM another name; its guest's host name follows when it starts again")
    .argument("<vm>", "id, name, or start of an id")
    .argument("<name>", "the new name")
    .addHelpText("after", "\nExamples:\n  bandsox vm rename my-vm build-1")
    .action(async (reference, name, options) => {
      await using bandsox = await context.openBandSox(options);
      const info = await (await bandsox.getVm(reference)).rename(name);
      await tell(context, options, { json: info, text: `${info.id}\n`, ids: [info.id] });
    });
}
