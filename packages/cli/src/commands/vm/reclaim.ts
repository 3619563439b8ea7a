import { argument } from "../../args/argument.ts";
import { storeCommand } from "../../args/common-options.ts";
import { parseMib } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox vm reclaim`. */
export function vmReclaimCommand(context: CliContext) {
  return storeCommand("reclaim")
    .description(
      "take some of a guest's memory for the host, until told otherwise; 0 gives it back (firecracker)",
    )
    .argument("<vm>", "id, name, or start of an id")
    .argument("<size>", "how much of it in all, in MiB or with a unit: 512m", argument(parseMib))
    .addHelpText("after", "\nExamples:\n  bandsox vm reclaim my-vm 512m\n  bandsox vm reclaim my-vm 0")
    .action(async (reference, mib, options) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      await vm.reclaimMemory(mib, { signal: context.signal });
      const text = mib === 0 ? `${vm.id} has all of its memory\n` : `${vm.id} gives up ${mib} MiB\n`;
      await tell(context, options, { json: { id: vm.id, reclaimMib: mib }, text, ids: [vm.id] });
    });
}
