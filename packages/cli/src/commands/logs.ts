import { storeCommand } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { jsonLine } from "../print/tell.ts";

/** `bandsox logs`: what a VM wrote to its console. */
export function logsCommand(context: CliContext) {
  return storeCommand("logs")
    .description("print a VM's console log, or what its VMM said, in any state of the VM")
    .argument("<vm>", "id, name, or the start of an id")
    .option("-f, --follow", "go on with what is written, until the VM has stopped")
    .option("--vmm", "what the VMM said of itself, instead of what the guest wrote to its console")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox logs my-vm\n  bandsox logs -f my-vm\n  bandsox logs --vmm my-vm",
    )
    .action(async (reference, { follow = false, vmm = false, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const how = { follow, signal: context.signal };
      const log = vmm ? vm.vmmLog(how) : vm.consoleLog(how);
      if (options.json) for await (const line of linesOf(log)) await context.stdout.write(jsonLine({ line }));
      else for await (const text of log) await context.stdout.write(text);
    });
}

/** A text that comes in pieces, line by line; a last line without an end is one, too. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let begun = "";
  for await (const piece of pieces) {
    const lines = (begun + piece).split("\n");
    begun = lines.pop() ?? "";
    yield* lines;
  }
  if (begun !== "") yield begun;
}
