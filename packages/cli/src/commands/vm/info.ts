import { VmInfo } from "@bandsox/contract";
import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { fields } from "../../print/fields.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox vm info`. */
export function vmInfoCommand(context: CliContext) {
  return storeCommand("info")
    .alias("inspect")
    .description("show what is known of a VM")
    .argument("<vm>", "id, name, or start of an id")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox vm info my-vm\n  bandsox vm info --json my-vm | jq -r .state",
    )
    .action(async (reference, options) => {
      await using bandsox = await context.openBandSox(options);
      const info = await (await bandsox.getVm(reference)).info();
      // In the order of the schema, wherever it came from.
      await tell(context, options, { json: info, text: () => fields(VmInfo.parse(info)), ids: [info.id] });
    });
}
