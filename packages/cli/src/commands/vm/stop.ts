import { argument } from "../../args/argument.ts";
import { storeCommand } from "../../args/common-options.ts";
import { parseDurationMs } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { eachVm } from "./each-vm.ts";

/** `bandsox vm stop`. */
export function vmStopCommand(context: CliContext) {
  return storeCommand("stop")
    .description("stop VMs: ask the guest, then end it; the disk stays")
    .argument("<vm...>", "ids, names, or starts of ids")
    .option(
      "-t, --grace <duration>",
      "time its processes get to end; 0 kills (default: 2s)",
      argument(parseDurationMs),
    )
    .addHelpText("after", "\nExamples:\n  bandsox vm stop my-vm\n  bandsox vm stop --grace 30s my-vm 3fk9")
    .action(async (references, options) => {
      await using bandsox = await context.openBandSox(options);
      await eachVm(context, { ...options, bandsox, references }, (vm) =>
        vm.stop({ graceMs: options.grace, signal: context.signal }),
      );
    });
}
