import { Command } from "@commander-js/extra-typings";
import { argument } from "../../args/argument.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import { parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { EXIT, ExitWith } from "../../exit-codes.ts";

/** `bandsox vm fork`. */
export function vmForkCommand(context: CliContext) {
  return new Command("fork")
    .description("make VMs that go on where a running one is now, and print their ids")
    .argument("<vm>", "id, name, or start of an id")
    .option("-n, --count <count>", "how many (default: 1)", argument(parseWholeNumber))
    .option(...STORAGE_OPTION)
    .action(async (reference, { count, ...options }) => {
      await using bandsox = context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const results = await vm.fork({ ...(count === undefined ? {} : { count }), signal: context.signal });
      let failed = false;
      for (const result of results) {
        if ("vm" in result) await context.stdout.write(`${result.vm.id}\n`);
        else {
          failed = true;
          await context.stderr.write(`bandsox: ${result.error.message}\n`);
        }
      }
      if (failed) throw new ExitWith(EXIT.failed);
    });
}
