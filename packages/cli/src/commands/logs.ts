import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";

/** `bandsox logs`: what a VM wrote to its console. */
export function logsCommand(context: CliContext) {
  return new Command("logs")
    .description("print a VM's console log, in any state of the VM")
    .argument("<vm>", "id, name, or the start of an id")
    .option("-f, --follow", "go on with what is written, until interrupted")
    .option(...STORAGE_OPTION)
    .action(async (reference, { follow = false, storage }) => {
      await using bandsox = context.openBandSox({ storage });
      const vm = await bandsox.getVm(reference);
      for await (const text of vm.consoleLog({ follow, signal: context.signal }))
        await context.stdout.write(text);
    });
}
