import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { COMMON_HEADING } from "../args/common-options.ts";
import { JSON_ERROR, NAMED, OUTPUTS } from "../json/outputs.ts";
import { jsonType, schemaNames } from "./json-type.ts";

const NAMES = schemaNames(NAMED);

const INTRODUCTION = `# The command line

This page is made from the commands themselves; a test fails when it is out of date.

**Names.** VMs and snapshots are named by their id, by the start of their id as far as it is the only one (with or without
\`vm_\` and \`snap_\`), or by the name they were given; images by name, digest, or the start of a digest.

**Where.** Commands work on the storage of this machine, or with \`--url\`, \`--host\`, \`--port\` or \`BANDSOX_URL\` on what a
server has. Its key is \`BANDSOX_API_KEY\`, else \`api_key\` of the JSON object in \`~/.bandsox/credentials\`, a file that only its
owner can read; with a \`server_url\` there the key is sent to that server only.

**Output.** Data goes to stdout and nothing else does; progress, questions and errors go to stderr. \`--quiet\` leaves ids and
errors only. Colours, progress and tables cut to fit are for terminals; \`NO_COLOR\` takes the colours away. Where there is no
terminal nothing is asked: \`--yes\` answers in advance what would be asked there.

**JSON.** Every command prints JSON with \`--json\`: one value, or one value a line where it says *lines*. Fields may be added; none
is taken away or changed. \`run\`, \`exec\` and \`terminal\` then print what became of the command. Failures are one line of JSON on
stderr:

\`\`\`ts
${jsonType(JSON_ERROR, { names: NAMES })}
\`\`\`

| exit code           | meaning                                                                                     |
| ------------------- | ------------------------------------------------------------------------------------------- |
| 0                   | done                                                                                        |
| the guest command's | \`run\`, \`exec\`, \`terminal\`: its own code, or 128 + the number of the signal that ended it |
| 1                   | \`doctor\`: VMs cannot run here; \`verify\`: something did not hold                             |
| 2                   | the command line is wrong                                                                   |
| 125                 | BandSox failed, as opposed to the guest's command                                           |
| 130                 | interrupted, or the answer was no                                                           |

| variable          | meaning                                           |
| ----------------- | ------------------------------------------------- |
| \`BANDSOX_STORAGE\` | storage directory, where \`--storage\` is not given |
| \`BANDSOX_ENGINE\`  | engine for new VMs                                |
| \`BANDSOX_ACCEL\`   | \`kvm\` or \`tcg\`                                    |
| \`BANDSOX_CNI_CONF_DIR\` | configurations of CNI networks (default: \`/etc/cni/net.d\`) |
| \`BANDSOX_CNI_BIN_DIR\` | where CNI plugins are looked for first, with colons between directories |
| \`BANDSOX_URL\`     | server to use, where neither a server nor a storage is named |
| \`BANDSOX_API_KEY\` | key for it (default: the one in \`~/.bandsox/credentials\`) |
| \`NO_COLOR\`        | no colours                                        |
`;

/** The page that describes every command, as Markdown. */
export function cliReference(root: CommandUnknownOpts): string {
  const common = root.options.filter(({ helpGroupHeading }) => helpGroupHeading === COMMON_HEADING);
  const sections = [...leavesOf(root, [])].map(([path, command]) => section(path, command));
  const types = Object.entries(NAMED).map(
    ([name, schema]) => `type ${name} = ${jsonType(schema, { names: NAMES, isSpeltOut: true })};\n`,
  );
  return [
    INTRODUCTION,
    `## Common options\n\n${optionList(common)}`,
    ...sections,
    `## Types\n\n\`\`\`ts\n${types.join("\n")}\`\`\`\n`,
  ].join("\n");
}

function* leavesOf(
  command: CommandUnknownOpts,
  path: readonly string[],
): Generator<[path: readonly string[], CommandUnknownOpts]> {
  const children = command.commands.filter((child) => child.name() !== "help");
  if (children.length === 0) yield [path, command];
  for (const child of children) yield* leavesOf(child, [...path, child.name()]);
}

function section(path: readonly string[], command: CommandUnknownOpts): string {
  const name = path.join(" ");
  const own = command.options.filter(({ helpGroupHeading }) => helpGroupHeading !== COMMON_HEADING);
  const args = command.registeredArguments.map(argumentLine).join("");
  const options = optionList(own);
  return [
    `## bandsox ${name}\n`,
    `${sentence(command.description())}\n`,
    `\`\`\`text\nbandsox ${name} ${command.usage()}\n\`\`\`\n`,
    args + options === "" ? "" : `${args}${options}`,
    examples(command),
    json(name),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function argumentLine(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return `- \`${argument.required ? `<${name}>` : `[${name}]`}\`: ${argument.description}\n`;
}

function optionList(options: readonly Option[]): string {
  return options.map(({ flags, description }) => `- \`${flags}\`: ${description}\n`).join("");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The examples of a command's help, which are text behind it. */
function examples(command: CommandUnknownOpts): string {
  const help: string[] = [];
  command.configureOutput({ writeOut: (text) => void help.push(text) });
  command.outputHelp();
  const [, lines] = help.join("").split("\nExamples:\n");
  return lines === undefined ? "" : `\`\`\`sh\n${lines.replace(/^ {2}/gm, "").trim()}\n\`\`\`\n`;
}

function json(name: string): string {
  const output = OUTPUTS[name];
  if (!output) return "";
  const { schema, isLines } = output;
  return `JSON${isLines ? ", lines" : ""}:\n\n\`\`\`ts\n${jsonType(schema, { names: NAMES })}\n\`\`\`\n`;
}
