import { BandSoxError } from "@bandsox/contract";
import { commandWords } from "../args/command-words.ts";
import { storeCommand } from "../args/common-options.ts";
import { toExecOptions, withExecOptions } from "../args/exec-options.ts";
import { assignment } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { ExitWith } from "../exit-codes.ts";
import { execInTerminal } from "./exec-in-terminal.ts";
import { runExec } from "./run-exec.ts";

/** `bandsox exec`: a command in a VM that runs already. */
export function execCommand(context: CliContext) {
  return withExecOptions(storeCommand("exec"))
    .description("run a command in a VM; ends with the command's exit code")
    .argument("<vm>", "id, name, or the start of an id")
    .argument("<command...>", "command and arguments, run as they are")
    .option("-e, --env <name=value>", "variable for this command; repeatable", assignment, {})
    .option("-i, --interactive", "give the command this program's stdin")
    .option("-t, --tty", "give the command a terminal; with -i, Ctrl-P Ctrl-Q leaves it running")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .action(async (reference, words, options) => {
      const command = commandWords(words);
      const { interactive = false, tty = false, env } = options;
      if (tty && options.json) throw terminalAsJson();
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const exec = { ...toExecOptions(options), env };
      const exitCode = tty
        ? await execInTerminal(context, vm, { command, interactive, ...exec })
        : await runExec(context, vm, {
            argv: command,
            json: options.json,
            ...exec,
            ...stdinOf(context, interactive),
          });
      if (exitCode !== 0) throw new ExitWith(exitCode);
    });
}

const EXAMPLES = `
Examples:
  bandsox exec my-vm ls -l /
  bandsox exec my-vm sh -c 'echo $HOME'
  bandsox exec -i my-vm sh -c 'cat > /tmp/file' < file
  bandsox exec -it my-vm sh
  bandsox exec --json my-vm uname -r | jq -r .stdout`;

function terminalAsJson(): BandSoxError {
  const message = "cannot print JSON of what a terminal shows: leave out --json, or -t";
  return new BandSoxError("invalid_argument", message, { field: "json", found: true });
}

function stdinOf(context: CliContext, interactive: boolean) {
  return interactive ? { stdin: context.stdin.open() } : {};
}
