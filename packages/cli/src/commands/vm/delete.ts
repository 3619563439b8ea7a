import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";
import { eachVm } from "./each-vm.ts";

/** `bandsox vm delete`. */
export function vmDeleteCommand(context: CliContext) {
  return new Command("delete")
    .alias("rm")
    .description("delete VMs in any state, with their disks")
    .argument("<vm...>", "ids, names, or starts of ids")
    .option(...STORAGE_OPTION)
    .action(async (references, options) => {
      await using bandsox = context.openBandSox(options);
      await eachVm(context, { bandsox, references }, (vm) => vm.delete({ signal: context.signal }));
    });
}
