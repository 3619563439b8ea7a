import { type CommonOptions, storeCommand } from "../../args/common-options.ts";
import { addLimitOptions, toLimits } from "../../args/limit-options.ts";
import type { CliContext } from "../../context.ts";
import { eachVm } from "./each-vm.ts";

/** `bandsox vm limits`. */
export function vmLimitsCommand(context: CliContext) {
  return addLimitOptions(
    storeCommand("limits")
      .description("have VMs live for another time from now on; what is not given stays as it is")
      .argument("<vm...>", "ids, names, or starts of ids")
      .option("--no-timeout", "let them live on, whatever the time")
      .option("--no-idle-timeout", "let them be idle for as long as they are")
      .addHelpText("after", EXAMPLES),
  ).action(async (references, options) => {
    const common = options as CommonOptions; // what commander infers here is nothing
    await using bandsox = await context.openBandSox(common);
    const limits = toLimits(options);
    await eachVm(context, { ...common, bandsox, references }, async (vm) => {
      await vm.setLimits(limits, { signal: context.signal });
    });
  });
}

const EXAMPLES = `
Examples:
  bandsox vm limits --timeout 30m my-vm
  bandsox vm limits --no-timeout --idle-timeout 10m --on-idle pause my-vm`;
