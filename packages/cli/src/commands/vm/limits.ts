import { Command } from "@commander-js/extra-typings";
import { addLimitOptions, toLimits } from "../../args/limit-options.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";
import { eachVm } from "./each-vm.ts";

/** `bandsox vm limits`. */
export function vmLimitsCommand(context: CliContext) {
  return addLimitOptions(
    new Command("limits")
      .description("have VMs live for another time from now on; what is not given stays as it is")
      .argument("<vm...>", "ids, names, or starts of ids")
      .option("--no-timeout", "let them live on, whatever the time")
      .option("--no-idle-timeout", "let them be idle for as long as they are")
      .option(...STORAGE_OPTION),
  ).action(async (references, options) => {
    await using bandsox = context.openBandSox(options as { storage?: string });
    const limits = toLimits(options);
    await eachVm(context, { bandsox, references }, async (vm) => {
      await vm.setLimits(limits, { signal: context.signal });
    });
  });
}
