import { BandSoxError, isAnyBandSoxError } from "@bandsox/contract";
import type { BandSox, Vm } from "bandsox";
import type { CliContext } from "../../context.ts";
import { EXIT, ExitWith } from "../../exit-codes.ts";

/** Does one thing to each VM named, prints the id of each it was done to, and goes on past those that fail. */
export async function eachVm(
  context: CliContext,
  { bandsox, references }: { bandsox: BandSox; references: readonly string[] },
  action: (vm: Vm) => Promise<void>,
): Promise<void> {
  let failed = false;
  for (const reference of references) {
    if (context.signal.aborted)
      throw new BandSoxError("interrupted", `interrupted before ${reference}, which is as it was`, {});
    try {
      const vm = await bandsox.getVm(reference);
      await action(vm);
      await context.stdout.write(`${vm.id}\n`);
    } catch (error) {
      if (!isAnyBandSoxError(error) || context.signal.aborted) throw error;
      failed = true;
      await context.stderr.write(`bandsox: ${error.message}\nhint: ${error.hint}\n`);
    }
  }
  if (failed) throw new ExitWith(EXIT.failed);
}
