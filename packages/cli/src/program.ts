import { Command, type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import {
  COMMON_HEADING,
  type CommonOptions,
  withCommonOptions,
  withServerOptions,
} from "./args/common-options.ts";
import { VERSION } from "./cli-version.ts";
import { COMMANDS, HIDDEN_COMMANDS } from "./commands.ts";
import type { CliContext } from "./context.ts";

export interface ProgramOptions {
  /** The command line, by which only what it names is loaded (default: everything) */
  readonly args?: readonly string[];
  /** Told, before a command begins, how it is to print */
  readonly onCommand?: (options: CommonOptions) => void;
}

/** The command tree: all of it, or as much as a command line needs. */
export async function bandsoxCommand(context: CliContext, options: ProgramOptions = {}): Promise<Command> {
  const program = withServerOptions(withCommonOptions(new Command("bandsox")))
    .description("run untrusted code in microVMs on this machine")
    .optionsGroup("Options:")
    .version(VERSION, "-V, --version", "print the version")
    .enablePositionalOptions()
    .hook("preAction", (root, command) => {
      inherit(root.opts(), command);
      options.onCommand?.(command.opts());
    })
    .addHelpText("after", FURTHER) as unknown as Command;
  for (const load of wanted(options.args)) program.addCommand((await load())(context) as Command);
  settle(program, context, []);
  return program;
}

const FURTHER = `
Examples:
  bandsox init                                  set this machine up
  bandsox run python:3-alpine python3 -c 'print("Hello from VM!")'
  bandsox create ubuntu:latest --name my-vm
  bandsox terminal my-vm

\`bandsox <command> --help\` has examples for each. Ends with 0, the guest command's own code, 2 for a wrong command
line, 125 for a failure of BandSox, 130 when interrupted.`;

/** Commands that tell of all others. */
const ABOUT_ALL: ReadonlySet<string> = new Set(["completion"]);

/** One command is loaded when the line begins with it, all are when help or a suggestion may be needed. */
function wanted(args: readonly string[] = []) {
  const [name = ""] = args;
  const named = COMMANDS[name] ?? HIDDEN_COMMANDS[name];
  return named && !ABOUT_ALL.has(name) ? [named] : Object.values(COMMANDS);
}

/** What was said before the command's name counts where the command itself was not told. */
function inherit(given: CommonOptions, command: CommandUnknownOpts): void {
  for (const [name, value] of Object.entries(given)) {
    const isTold = command.getOptionValueSource(name) === "cli";
    const isKnown = command.options.some((option) => option.attributeName() === name);
    if (isKnown && !isTold) command.setOptionValueWithSource(name, value, "cli");
  }
}

/** No command ends the process or prints by itself: that is for the caller. */
function settle(command: Command, context: CliContext, parents: readonly string[]): void {
  const path = [...parents, command.name()];
  command
    .exitOverride()
    .showHelpAfterError(`try: ${path.join(" ")} --help`)
    .configureHelp({
      groupItems: commonLast,
      helpWidth: Math.min(context.stdout.columns, HELP_COLUMNS),
      subcommandTerm: (child) => [child.name(), ...child.aliases()].join(", "),
    })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text.replace(/^error: /, "bandsox: ")),
    });
  for (const child of command.commands) settle(child as Command, context, path);
}

const HELP_COLUMNS = 110;

const groupItems: Help["groupItems"] = (...args) => Help.prototype.groupItems(...args);

/** A command's own options are what its help is read for. */
const commonLast: Help["groupItems"] = (unsorted, visible, groupOf) => {
  const groups = groupItems(unsorted, visible, groupOf);
  const common = groups.get(COMMON_HEADING);
  if (common) {
    groups.delete(COMMON_HEADING);
    groups.set(COMMON_HEADING, common);
  }
  return groups;
};
