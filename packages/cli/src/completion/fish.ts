import type { CompletionOption, CompletionPlace } from "./completion-tree.ts";
import { quoted } from "./quoted.ts";

/** A script for fish: `bandsox completion fish | source`. */
export function fishCompletion(places: readonly CompletionPlace[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => quoted(` ${path}`));
  return `# fish completion of bandsox
function __bandsox_names; bandsox __names $argv[1] 2>/dev/null; end

function __bandsox_at
  set -l path ''
  for word in (commandline -opc)[2..]
    contains -- "$path $word" ${paths.join(" ")}; and set path "$path $word"
  end
  test "$path" = "$argv[1]"
end

complete -c bandsox -f
${places.map(placeLines).join("\n")}
`;
}

function placeLines({ path, commands, options, args }: CompletionPlace): string {
  const at = `complete -c bandsox -n ${fishQuoted(`__bandsox_at ${quoted(path === "" ? "" : ` ${path}`)}`)}`;
  const lines = commands.map(
    ({ name, description }) => `${at} -a ${quoted(name)} -d ${fishQuoted(description)}`,
  );
  for (const option of options) lines.push(`${at} ${optionArguments(option)}`);
  for (const kind of new Set(args)) {
    if (kind === "vm" || kind === "snapshot" || kind === "image")
      lines.push(`${at} -a ${quoted(`(__bandsox_names ${kind})`)}`);
    else lines.push(`${at} -F`);
    if (kind === "vm-path") lines.push(`${at} -a ${quoted("(__bandsox_names vm):")}`);
  }
  return lines.join("\n");
}

function optionArguments({ flags, description, takesValue, choices }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = takesValue ? ["-r"] : [];
  const given = choices.length > 0 ? [`-a ${quoted(choices.join(" "))}`] : [];
  return [...names, ...value, ...given, `-d ${fishQuoted(description)}`].join(" ");
}

/** Fish knows a backslash before a quote within quotes, and no other way to have one there. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
