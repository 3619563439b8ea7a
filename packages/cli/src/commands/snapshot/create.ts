import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox snapshot create`, which is `bandsox vm save` as well. */
export function snapshotCreateCommand(context: CliContext, name = "create") {
  return new Command(name)
    .description("save a running or paused VM, which goes on, and print the snapshot's id")
    .argument("<vm>", "id, name, or start of an id")
    .argument("[name]", "name of the snapshot (default: its id)")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .action(async (reference, snapshotName, options) => {
      await using bandsox = context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const named = snapshotName === undefined ? {} : { name: snapshotName };
      const snapshot = await vm.snapshot({ ...named, signal: context.signal });
      await context.stdout.write(
        options.json ? `${JSON.stringify(snapshot, undefined, 2)}\n` : `${snapshot.id}\n`,
      );
    });
}
