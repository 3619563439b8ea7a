import { Command } from "@commander-js/extra-typings";
import { metadataOption } from "../../args/metadata.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox vm metadata`. */
export function vmMetadataCommand(context: CliContext) {
  return new Command("metadata")
    .description("print a VM's metadata, or change it first")
    .argument("<vm>", "id, name, or start of an id")
    .option("--replace <json>", "have this JSON object instead", metadataOption)
    .option("--update <json>", "take over what this JSON object has; null takes a key away", metadataOption)
    .option(...STORAGE_OPTION)
    .action(async (reference, { replace, update, ...options }) => {
      await using bandsox = context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      if (replace !== undefined) await vm.setMetadata(replace);
      if (update !== undefined) await vm.updateMetadata(update);
      const { metadata } = await vm.info();
      await context.stdout.write(`${JSON.stringify(metadata, undefined, 2)}\n`);
    });
}
