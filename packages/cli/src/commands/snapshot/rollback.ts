import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox snapshot rollback`. */
export function snapshotRollbackCommand(context: CliContext) {
  return new Command("rollback")
    .description("make a VM what it was when a snapshot of it was taken; what it has done since is gone")
    .argument("<vm>", "id, name, or start of an id")
    .argument("<snapshot>", "id, name, or start of an id")
    .option(...STORAGE_OPTION)
    .action(async (reference, snapshot, options) => {
      await using bandsox = context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      await vm.rollback(snapshot, { signal: context.signal });
      await context.stdout.write(`${vm.id}\n`);
    });
}
