import type { BandSoxEvent } from "@bandsox/contract";
import { Command } from "@commander-js/extra-typings";
import { argument } from "../args/argument.ts";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import { parseWholeNumber } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { oneLine } from "../print/one-line.ts";

/** `bandsox events`: what happened in the storage. */
export function eventsCommand(context: CliContext) {
  return new Command("events")
    .description("print what happened, the oldest first; what is told of a VM stays when it is gone")
    .option("-f, --follow", "go on with what happens, until interrupted")
    .option("--since <number>", "only what came after the event of this number", argument(parseWholeNumber))
    .option("--vm <vm>", "only of the VM with this id or name, which may be gone")
    .option("--json", "print JSON, an event a line")
    .option(...STORAGE_OPTION)
    .addHelpText("after", "\nExamples:\n  bandsox events --vm my-vm\n  bandsox events --follow --json")
    .action(async ({ follow = false, since = 0, vm, json, storage }) => {
      await using bandsox = context.openBandSox({ storage });
      const query = { follow, since, ...(vm === undefined ? {} : { vm }), signal: context.signal };
      for await (const event of bandsox.events(query))
        await context.stdout.write(`${json ? JSON.stringify(event) : line(event)}\n`);
    });
}

function line({ seq, at, type, vmId, vmName, details }: BandSoxEvent): string {
  const of = [vmId, vmName === vmId ? undefined : vmName].filter((part) => part !== undefined).join(" ");
  const told = Object.entries(details).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return oneLine([`${seq}`, at, type, of, ...told].filter((part) => part !== "").join("  "));
}
