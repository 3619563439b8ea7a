import { storeCommand } from "../../args/common-options.ts";
import { metadataOption } from "../../args/metadata.ts";
import type { CliContext } from "../../context.ts";
import { jsonText, tell } from "../../print/tell.ts";

/** `bandsox vm metadata`. */
export function vmMetadataCommand(context: CliContext) {
  return storeCommand("metadata")
    .description("print a VM's metadata, or change it first")
    .argument("<vm>", "id, name, or start of an id")
    .option("--replace <json>", "have this JSON object instead", metadataOption)
    .option("--update <json>", "take over what this JSON object has; null takes a key away", metadataOption)
    .addHelpText(
      "after",
      '\nExamples:\n  bandsox vm metadata my-vm\n  bandsox vm metadata --update \'{"team":"x"}\' my-vm',
    )
    .action(async (reference, { replace, update, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      if (replace !== undefined) await vm.setMetadata(replace);
      if (update !== undefined) await vm.updateMetadata(update);
      const { metadata } = await vm.info();
      await tell(context, options, { json: metadata, text: () => jsonText(metadata), ids: [vm.id] });
    });
}
