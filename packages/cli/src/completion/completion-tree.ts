import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** What can be typed at one place of the command line. */
export interface CompletionPlace {
  /** The commands typed so far, e.g. `vm stop`; empty at the start */
  readonly path: string;
  readonly commands: readonly Described[];
  readonly options: readonly CompletionOption[];
  /** What its arguments name, the last for all that follow */
  readonly args: readonly ArgumentKind[];
}

export interface Described {
  readonly name: string;
  readonly description: string;
}

export interface CompletionOption {
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** `vm`, `snapshot` and `image` are asked for when they are completed; `file` is one of this machine. */
export type ArgumentKind = "vm" | "vm-path" | "snapshot" | "image" | "file" | "other";

/** By what an argument is called in its command's help. */
const KINDS: Readonly<Record<string, ArgumentKind>> = {
  vm: "vm",
  "vm:path": "vm-path",
  snapshot: "snapshot",
  image: "image",
  source: "vm-path",
  destination: "vm-path",
  context: "file",
  file: "file",
};

/** Every place of a command tree, the root first. Hidden commands are left out. */
export function completionPlaces(root: CommandUnknownOpts): CompletionPlace[] {
  return [...placesOf(root, [])];
}

function* placesOf(command: CommandUnknownOpts, path: readonly string[]): Generator<CompletionPlace> {
  const help = command.createHelp();
  const children = help.visibleCommands(command);
  yield {
    path: path.join(" "),
    commands: children.flatMap((child) =>
      [child.name(), ...child.aliases()].map((name) => ({ name, description: child.description() })),
    ),
    options: help.visibleOptions(command).map(optionOf),
    args: command.registeredArguments.map((argument) => KINDS[argument.name()] ?? "other"),
  };
  for (const child of children) {
    if (child.name() === "help") continue;
    for (const name of [child.name(), ...child.aliases()]) yield* placesOf(child, [...path, name]);
  }
}

function optionOf({ short, long, description, required, optional, argChoices }: Option): CompletionOption {
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}
