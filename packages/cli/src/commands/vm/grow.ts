import { Command } from "@commander-js/extra-typings";
import { argument } from "../../args/argument.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import { parseMib } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox vm grow`. */
export function vmGrowCommand(context: CliContext) {
  return new Command("grow")
    .description("make the disk of a stopped VM larger")
    .argument("<vm>", "id, name, or start of an id")
    .argument("<size>", "new size of its writable disk in MiB, or with a unit: 8g", argument(parseMib))
    .option(...STORAGE_OPTION)
    .action(async (vm, size, options) => {
      await using bandsox = context.openBandSox(options);
      const { id, diskSizeMib } = await bandsox.growDisk(vm, size, { signal: context.signal });
      await context.stdout.write(`${id} has ${diskSizeMib} MiB\n`);
    });
}
