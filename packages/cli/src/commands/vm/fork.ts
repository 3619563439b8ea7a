import { argument } from "../../args/argument.ts";
import { addCloneOptions, toClone } from "../../args/clone-options.ts";
import { storeCommand } from "../../args/common-options.ts";
import { parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { EXIT, ExitWith } from "../../exit-codes.ts";
import { failureText } from "../../print/failure.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox vm fork`. */
export function vmForkCommand(context: CliContext) {
  return addCloneOptions(storeCommand("fork"))
    .description("make VMs that go on where a running one is now, and print their ids")
    .argument("<vm>", "id, name, or start of an id")
    .option("-n, --count <count>", "how many (default: 1)", argument(parseWholeNumber))
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox vm fork my-vm\n  bandsox vm fork -n 8 my-vm --no-networking",
    )
    .action(async (reference, { count, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const results = await vm.fork({
        ...(count === undefined ? {} : { count }),
        ...toClone(options),
        signal: context.signal,
      });
      const made = results.flatMap((result) => ("vm" in result ? [result.vm] : []));
      const failures = results.flatMap((result) => ("vm" in result ? [] : [result.error]));
      const ids = made.map(({ id }) => id);
      const infos = options.json ? await Promise.all(made.map((one) => one.info())) : [];
      await tell(context, options, { json: infos, text: ids.map((id) => `${id}\n`).join(""), ids });
      for (const error of failures)
        await context.stderr.write(failureText(context.stderr, error, options.json));
      if (failures.length > 0) throw new ExitWith(EXIT.failed);
    });
}
