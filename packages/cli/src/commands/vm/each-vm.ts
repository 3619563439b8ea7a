import type { BandSox, Vm } from "bandsox";
import type { CommonOptions } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { forEach } from "../for-each.ts";

/** Does one thing to each VM named; as JSON, what is known of each afterwards. */
export async function eachVm(
  context: CliContext,
  { bandsox, ...options }: CommonOptions & { bandsox: BandSox; references: readonly string[] },
  action: (vm: Vm) => Promise<void>,
): Promise<void> {
  await forEach(context, options, async (reference) => {
    const vm = await bandsox.getVm(reference);
    await action(vm);
    return { id: vm.id, json: () => vm.info() };
  });
}
