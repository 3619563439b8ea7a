import type { Command } from "@commander-js/extra-typings";
import type { Vm } from "bandsox";
import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { eachVm } from "./each-vm.ts";

interface StateCommand {
  readonly name: string;
  readonly description: string;
  readonly change: (vm: Vm, signal: AbortSignal) => Promise<void>;
}

/** The commands that take nothing but VMs: `bandsox vm start`, `restart`, `pause`, `resume`. */
const COMMANDS: readonly StateCommand[] = [
  {
    name: "start",
    description: "start stopped VMs again from their disks",
    change: (vm, signal) => vm.start({ signal }),
  },
  {
    name: "restart",
    description: "stop VMs, and start them again from their disks",
    change: (vm, signal) => vm.restart({ signal }),
  },
  {
    name: "pause",
    description: "stop the processors of VMs; their memory stays",
    change: (vm, signal) => vm.pause({ signal }),
  },
  {
    name: "resume",
    description: "let paused VMs go on",
    change: (vm, signal) => vm.resume({ signal }),
  },
];

export function vmStateCommands(context: CliContext): Command[] {
  return COMMANDS.map(
    ({ name, description, change }) =>
      storeCommand(name)
        .description(description)
        .argument("<vm...>", "ids, names, or starts of ids")
        .addHelpText("after", `\nExamples:\n  bandsox vm ${name} my-vm\n  bandsox vm ${name} my-vm 3fk9`)
        .action(async (references, options) => {
          await using bandsox = await context.openBandSox(options);
          await eachVm(context, { ...options, bandsox, references }, (vm) => change(vm, context.signal));
        }) as unknown as Command,
  );
}
