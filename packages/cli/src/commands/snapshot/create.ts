import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox snapshot create`, which is `bandsox vm save` as well. */
export function snapshotCreateCommand(context: CliContext, parent = "snapshot", name = "create") {
  const examples = `\nExamples:\n  bandsox ${parent} ${name} my-vm\n  bandsox ${parent} ${name} my-vm before-upgrade`;
  return storeCommand(name)
    .description("save a running or paused VM, which goes on, and print the snapshot's id")
    .argument("<vm>", "id, name, or start of an id")
    .argument("[name]", "name of the snapshot (default: its id)")
    .option("--diff", "keep only what differs from the VM's last snapshot, or from what it goes on from")
    .addHelpText("after", examples)
    .action(async (reference, snapshotName, options) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const named = snapshotName === undefined ? {} : { name: snapshotName };
      const snapshot = await vm.snapshot({ ...named, diff: options.diff ?? false, signal: context.signal });
      await tell(context, options, { json: snapshot, text: `${snapshot.id}\n`, ids: [snapshot.id] });
    });
}
