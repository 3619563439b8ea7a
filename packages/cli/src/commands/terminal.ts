import { storeCommand } from "../args/common-options.ts";
import { toExecOptions, withExecOptions } from "../args/exec-options.ts";
import { assignment } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { ExitWith } from "../exit-codes.ts";
import { requireTty, useTerminal } from "../terminal/use-terminal.ts";
import { execInTerminal, tellHowItEnded } from "./exec-in-terminal.ts";

/** `bandsox terminal`: a shell in a VM, or another view of a session with a terminal. */
export function terminalCommand(context: CliContext) {
  return withExecOptions(storeCommand("terminal"))
    .description("open a shell in a VM, or get back to a session; Ctrl-P Ctrl-Q leaves it running")
    .argument("<vm>", "id, name, or the start of an id")
    .argument("[session]", "session to get back to (default: a login shell is started)")
    .option("-e, --env <name=value>", "variable for the shell; repeatable", assignment, {})
    .addHelpText("after", "\nExamples:\n  bandsox terminal my-vm\n  bandsox terminal -u root my-vm")
    .action(async (reference, session, options) => {
      requireTty(context, "commands run without one by `bandsox exec`");
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      if (session === undefined) {
        const shell = { ...toExecOptions(options), env: options.env, interactive: true };
        const exitCode = await execInTerminal(context, vm, { ...shell, json: options.json });
        if (exitCode !== 0) throw new ExitWith(exitCode);
        return;
      }
      const terminal = await vm.attachTerminal(session);
      await terminal.resize(context.screen.size);
      const exit = await useTerminal(context, terminal, { interactive: true });
      await tellHowItEnded(context, { vm, terminal, exit, json: options.json });
      if (exit && exit.exitCode !== 0) throw new ExitWith(exit.exitCode);
    });
}
