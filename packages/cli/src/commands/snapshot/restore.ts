import { BandSoxError } from "@bandsox/contract";
import type { VmInfo } from "bandsox";
import { argument } from "../../args/argument.ts";
import { addCloneOptions, toClone } from "../../args/clone-options.ts";
import { storeCommand } from "../../args/common-options.ts";
import { parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox snapshot restore`. */
export function snapshotRestoreCommand(context: CliContext) {
  return addCloneOptions(storeCommand("restore"))
    .description("make VMs that go on where a snapshot was taken, and print their ids")
    .argument("<snapshot>", "id, name, or start of an id")
    .option("-n, --name <name>", "name of the VM to use instead of its id; also the guest's host name")
    .option("-c, --count <count>", "how many to make (default: 1)", argument(parseWholeNumber))
    .option("--enable-networking", "accepted for scripts of earlier versions: it is as in the snapshot")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox snapshot restore before-upgrade --name again\n  bandsox snapshot restore -c 8 ready\n  bandsox snapshot restore ready --no-networking --timeout 10m",
    )
    .action(async (reference, { name, count = 1, ...options }) => {
      assertCount(count, name);
      await using bandsox = await context.openBandSox(options);
      const infos: VmInfo[] = [];
      for (let made = 0; made < count; made++) {
        const vm = await bandsox.snapshots.restore(reference, {
          ...(name === undefined ? {} : { name }),
          ...toClone(options),
          signal: context.signal,
        });
        if (options.json) infos.push(await vm.info());
        else await context.stdout.write(`${vm.id}\n`);
      }
      if (options.json) await tell(context, options, { json: infos, text: "" });
    });
}

function assertCount(count: number, name: string | undefined): void {
  if (count >= 1 && (count === 1 || name === undefined)) return;
  const [field, found] = count < 1 ? ["count", count] : ["name", name];
  const why =
    count < 1 ? "--count is at least 1" : "several VMs cannot have one name: leave --name or --count out";
  throw new BandSoxError("invalid_argument", why, { field: `${field}`, found });
}
