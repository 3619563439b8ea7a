import { BandSoxError } from "@bandsox/contract";
import type { BandSox, CreateVmOptions, Vm } from "bandsox";
import { commandWords } from "../args/command-words.ts";
import { toExecOptions, withExecOptions } from "../args/exec-options.ts";
import { toSpec, withVmOptions } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { ExitWith } from "../exit-codes.ts";
import { imageProgress } from "../print/image-progress.ts";
import { streamExec } from "./stream-exec.ts";

/** `bandsox run`: a VM for one command. */
export function runCommand(context: CliContext) {
  return withExecOptions(withVmOptions("run"))
    .description("make a VM, run one command in it, remove it; ends with the command's exit code")
    .argument("<image>", "image, e.g. python:3-alpine, oci:./layout, docker-archive:image.tar, dir:./root")
    .argument(
      "[command...]",
      "command and arguments, given to the image's entrypoint (default: the image's own)",
    )
    .option("-q, --quiet", "show no progress: stderr is the command's alone")
    .option("--entrypoint <program>", "program to run instead of the image's entrypoint; empty for none")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .action(async (image, command, options) => {
      await using bandsox = context.openBandSox(options);
      await using cleanUp = new AsyncDisposableStack();
      const vm = await createWithProgress(
        options.quiet ? withoutProgress(context) : context,
        bandsox,
        image,
        { ...toSpec(options), ephemeral: true },
      );
      cleanUp.defer(() => vm.delete());
      const argv = await commandLine(bandsox, vm, commandWords(command), options.entrypoint);
      const exitCode = await streamExec(context, vm, argv, toExecOptions(options));
      if (exitCode !== 0) throw new ExitWith(exitCode);
    });
}

const EXAMPLES = `
Examples:
  bandsox run python:3-alpine python3 -c 'print("Hello from VM!")'
  bandsox run --mem 1g --vcpu 2 oci:./my-layout:latest -- make test`;

/** Makes a VM and shows on stderr what takes long. */
export async function createWithProgress(
  context: CliContext,
  bandsox: BandSox,
  image: string,
  spec: Omit<CreateVmOptions, "signal">,
): Promise<Vm> {
  const progress = imageProgress(context.stderr, image);
  try {
    return await bandsox.createVm(image, { ...spec, signal: context.signal, onImageEvent: progress.onEvent });
  } finally {
    await progress.clear();
  }
}

/** The same context, for work whose progress nobody wants to see. */
export function withoutProgress(context: CliContext): CliContext {
  return { ...context, stderr: { ...context.stderr, write: async () => {} } };
}

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
