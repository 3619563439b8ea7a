import { Command } from "@commander-js/extra-typings";
import { toExecOptions, withExecOptions } from "../args/exec-options.ts";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import { assignment } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { ExitWith } from "../exit-codes.ts";
import { streamExec } from "./stream-exec.ts";

/** `bandsox exec`: a command in a VM that runs already. */
export function execCommand(context: CliContext) {
  return withExecOptions(new Command("exec"))
    .description("run a command in a VM; ends with the command's exit code")
    .argument("<vm>", "id, name, or the start of an id")
    .argument("<command...>", "command and arguments, run as they are")
    .option("-e, --env <name=value>", "variable for this command; repeatable", assignment, {})
    .option(...STORAGE_OPTION)
    .passThroughOptions()
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox exec my-vm ls -l /\n  bandsox exec my-vm sh -c 'echo $HOME'",
    )
    .action(async (reference, command, options) => {
      await using bandsox = context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const exitCode = await streamExec(context, vm, command, {
        ...toExecOptions(options),
        env: options.env,
      });
      if (exitCode !== 0) throw new ExitWith(exitCode);
    });
}
