import { BandSoxError } from "@bandsox/contract";
import { Command } from "@commander-js/extra-typings";
import { argument } from "../../args/argument.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import { parseWholeNumber } from "../../args/values.ts";
import { assignment } from "../../args/vm-options.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox snapshot restore`. */
export function snapshotRestoreCommand(context: CliContext) {
  return new Command("restore")
    .description("make VMs that go on where a snapshot was taken, and print their ids")
    .argument("<snapshot>", "id, name, or start of an id")
    .option("-n, --name <name>", "name of the VM to use instead of its id; also the guest's host name")
    .option("-c, --count <count>", "how many to make (default: 1)", argument(parseWholeNumber))
    .option(
      "-e, --env <name=value>",
      "variable for every command, instead of those it had; repeatable",
      assignment,
    )
    .option(...STORAGE_OPTION)
    .action(async (reference, { name, count = 1, env, ...options }) => {
      assertCount(count, name);
      await using bandsox = context.openBandSox(options);
      for (let made = 0; made < count; made++) {
        const vm = await bandsox.snapshots.restore(reference, {
          ...(name === undefined ? {} : { name }),
          ...(env === undefined ? {} : { env }),
          signal: context.signal,
        });
        await context.stdout.write(`${vm.id}\n`);
      }
    });
}

function assertCount(count: number, name: string | undefined): void {
  if (count >= 1 && (count === 1 || name === undefined)) return;
  const [field, found] = count < 1 ? ["count", count] : ["name", name];
  const why =
    count < 1 ? "--count is at least 1" : "several VMs cannot have one name: leave --name or --count out";
  throw new BandSoxError("invalid_argument", why, { field: `${field}`, found });
}
