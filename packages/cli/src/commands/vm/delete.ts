import { storeCommand } from "../../args/common-options.ts";
import { confirm, withConfirmation } from "../../args/confirmation.ts";
import type { CliContext } from "../../context.ts";
import { forEach } from "../for-each.ts";

/** `bandsox vm delete`. */
export function vmDeleteCommand(context: CliContext) {
  return withConfirmation(storeCommand("delete"))
    .alias("rm")
    .description("delete VMs in any state, with their disks")
    .argument("<vm...>", "ids, names, or starts of ids")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox vm delete my-vm\n  bandsox vm delete --yes $(bandsox vm list -q)",
    )
    .action(async (references, options) => {
      const what = `delete ${references.length} VMs with their disks: ${references.join(", ")}`;
      if (references.length > 1) await confirm(context, { ...options, what, isSpeltOut: true });
      await using bandsox = await context.openBandSox(options);
      await forEach(context, { ...options, references }, async (reference) => {
        const vm = await bandsox.getVm(reference);
        const before = options.json ? await vm.info() : undefined;
        await vm.delete({ signal: context.signal });
        return { id: vm.id, json: () => before };
      });
    });
}
