import { argument } from "../../args/argument.ts";
import { storeCommand } from "../../args/common-options.ts";
import { parseMib } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox vm grow`. */
export function vmGrowCommand(context: CliContext) {
  return storeCommand("grow")
    .description("make the disk of a stopped VM larger")
    .argument("<vm>", "id, name, or start of an id")
    .argument("<size>", "new size of its writable disk in MiB, or with a unit: 8g", argument(parseMib))
    .addHelpText("after", "\nExamples:\n  bandsox vm grow my-vm 8g")
    .action(async (vm, size, options) => {
      await using bandsox = await context.openBandSox(options);
      const info = await bandsox.growDisk(vm, size, { signal: context.signal });
      const text = `${info.id} has ${info.diskSizeMib} MiB\n`;
      await tell(context, options, { json: info, text, ids: [info.id] });
    });
}
