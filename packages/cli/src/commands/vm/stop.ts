import { Command } from "@commander-js/extra-typings";
import { argument } from "../../args/argument.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import { parseDurationMs } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { eachVm } from "./each-vm.ts";

/** `bandsox vm stop`. */
export function vmStopCommand(context: CliContext) {
  return new Command("stop")
    .description("stop VMs: ask the guest, then end it; the disk stays")
    .argument("<vm...>", "ids, names, or starts of ids")
    .option(
      "-t, --grace <duration>",
      "time its processes get to end; 0 kills (default: 2s)",
      argument(parseDurationMs),
    )
    .option(...STORAGE_OPTION)
    .action(async (references, options) => {
      await using bandsox = context.openBandSox(options);
      await eachVm(context, { bandsox, references }, (vm) =>
        vm.stop({ graceMs: options.grace, signal: context.signal }),
      );
    });
}
