import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox snapshot rollback`. */
export function snapshotRollbackCommand(context: CliContext) {
  return storeCommand("rollback")
    .description("make a VM what it was when a snapshot of it was taken; what it has done since is gone")
    .argument("<vm>", "id, name, or start of an id")
    .argument("<snapshot>", "id, name, or start of an id")
    .addHelpText("after", "\nExamples:\n  bandsox snapshot rollback my-vm before-upgrade")
    .action(async (reference, snapshot, options) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      await vm.rollback(snapshot, { signal: context.signal });
      const json = options.json && (await vm.info());
      await tell(context, options, { json, text: `${vm.id}\n`, ids: [vm.id] });
    });
}
