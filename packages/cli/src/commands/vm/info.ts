import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";
import { fields } from "../../print/fields.ts";

/** `bandsox vm info`. */
export function vmInfoCommand(context: CliContext) {
  return new Command("info")
    .alias("inspect")
    .description("show what is known of a VM")
    .argument("<vm>", "id, name, or start of an id")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .action(async (reference, options) => {
      await using bandsox = context.openBandSox(options);
      const info = await (await bandsox.getVm(reference)).info();
      await context.stdout.write(options.json ? `${JSON.stringify(info, undefined, 2)}\n` : fields(info));
    });
}
