import type { BandSoxEvent } from "@bandsox/contract";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseWholeNumber } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { oneLine } from "../print/one-line.ts";
import { jsonLine } from "../print/tell.ts";

/** `bandsox events`: what happened in the storage. */
export function eventsCommand(context: CliContext) {
  return storeCommand("events")
    .description("print what happened, the oldest first; what is told of a VM stays when it is gone")
    .option("-f, --follow", "go on with what happens, until interrupted")
    .option("--since <number>", "only what came after the event of this number", argument(parseWholeNumber))
    .option("--vm <vm>", "only of the VM with this id or name, which may be gone")
    .addHelpText("after", "\nExamples:\n  bandsox events --vm my-vm\n  bandsox events --follow --json")
    .action(async ({ follow = false, since = 0, vm, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const query = { follow, since, ...(vm === undefined ? {} : { vm }), signal: context.signal };
      for await (const event of bandsox.events(query))
        await context.stdout.write(options.json ? jsonLine(event) : `${line(event)}\n`);
    });
}

function line({ seq, at, type, vmId, vmName, details }: BandSoxEvent): string {
  const of = [vmId, vmName === vmId ? undefined : vmName].filter((part) => part !== undefined).join(" ");
  const told = Object.entries(details).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return oneLine([`${seq}`, at, type, of, ...told].filter((part) => part !== "").join("  "));
}
