import { BandSoxError } from "@bandsox/contract";
import type { BandSox, Vm } from "bandsox";
import { commandWords } from "../args/command-words.ts";
import { toExecOptions, withExecOptions } from "../args/exec-options.ts";
import { toSpec, withVmOptions } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { ExitWith } from "../exit-codes.ts";
import { progressOutput } from "../print/progress-output.ts";
import { createWithProgress } from "./create-with-progress.ts";
import { runExec } from "./run-exec.ts";

/** `bandsox run`: a VM for one command. */
export function runCommand(context: CliContext) {
  return withExecOptions(withVmOptions("run"))
    .description("make a VM, run one command in it, remove it; ends with the command's exit code")
    .argument("<image>", "image, e.g. python:3-alpine, oci:./layout, docker-archive:image.tar, dir:./root")
    .argument(
      "[command...]",
      "command and arguments, given to the image's entrypoint (default: the image's own)",
    )
    .option("--entrypoint <program>", "program to run instead of the image's entrypoint; empty for none")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .action(async (image, command, options) => {
      await using bandsox = await context.openBandSox(options);
      await using cleanUp = new AsyncDisposableStack();
      const vm = await createWithProgress(bandsox, {
        ...toSpec(options),
        ...{ image, ephemeral: true, signal: context.signal, progress: progressOutput(context, options) },
      });
      cleanUp.defer(() => vm.delete());
      const argv = await commandLine(bandsox, vm, commandWords(command), options.entrypoint);
      const exitCode = await runExec(context, vm, { argv, json: options.json, ...toExecOptions(options) });
      if (exitCode !== 0) throw new ExitWith(exitCode);
    });
}

const EXAMPLES = `
Examples:
  bandsox run python:3-alpine python3 -c 'print("Hello from VM!")'
  bandsox run --mem 1g --vcpu 2 oci:./my-layout:latest -- make test`;

/** Entrypoint and command as Docker joins them: a given command replaces the image's, a given entrypoint both. */
async function commandLine(
  bandsox: BandSox,
  vm: Vm,
  command: readonly string[],
  entrypoint: string | undefined,
) {
  const image = await bandsox.imageCommand(vm);
  const program = entrypoint === undefined ? image.entrypoint : [entrypoint].filter((part) => part !== "");
  const fallback = entrypoint === undefined ? image.cmd : [];
  const given = command[0] === "--" ? command.slice(1) : command;
  const argv = [...program, ...(given.length > 0 ? given : fallback)];
  if (argv.length > 0) return argv;
  const message = "cannot run the image: it names no command of its own, and none was given";
  throw new BandSoxError("invalid_argument", message, { field: "command", found: [] });
}
