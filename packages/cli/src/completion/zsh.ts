import type { CompletionPlace } from "./completion-tree.ts";
import { quoted } from "./quoted.ts";

/** A script for zsh: `source <(bandsox completion zsh)` after `compinit`, or a file `_bandsox` of `fpath`. */
export function zshCompletion(places: readonly CompletionPlace[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => quoted(` ${path}`));
  return `#compdef bandsox
_bandsox_names() { local -a names; names=(\${(f)"$(bandsox __names $1 2>/dev/null)"}); compadd "\${@:2}" -a names }

_bandsox() {
  local bandsox_path= word
  local -i i arguments=0
  local -a commands options kinds choices
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case "$bandsox_path $word" in
      (${paths.join("|")}) bandsox_path="$bandsox_path $word"; arguments=0 ;;
      (*) [[ $word == -* ]] || ((arguments++)) ;;
    esac
  done
  case "$bandsox_path" in
${places.map(placeCase).join("\n")}
  esac
  ((arguments++))
  ((arguments > $#kinds)) && arguments=$#kinds
  if (($#choices)); then compadd -a choices; return; fi
  if [[ $PREFIX == -* ]]; then _describe option options -o; return; fi
  if (($#commands)); then _describe command commands; return; fi
  case "\${kinds[arguments]}" in
    (vm|snapshot|image) _bandsox_names \${kinds[arguments]} ;;
    (vm-path) _bandsox_names vm -S :; _files ;;
    (*) _files ;;
  esac
}

if [[ \${funcstack[1]} == _bandsox ]]; then _bandsox "$@"; else compdef _bandsox bandsox; fi
`;
}

function placeCase({ path, commands, options, args }: CompletionPlace): string {
  const described = commands.map(({ name, description }) => entry(name, description));
  const flags = options.flatMap((option) => option.flags.map((flag) => entry(flag, option.description)));
  const chosen = options
    .filter(({ choices }) => choices.length > 0)
    .map(({ flags: names, choices }) => {
      const words = choices.map(quoted).join(" ");
      return `case \${words[CURRENT-1]} in (${names.join("|")}) choices=(${words}) ;; esac;`;
    });
  const body = [
    `commands=(${described.join(" ")})`,
    `options=(${flags.join(" ")})`,
    `kinds=(${args.join(" ")});`,
    ...chosen,
  ];
  return `    (${quoted(path === "" ? "" : ` ${path}`)}) ${body.join(" ")} ;;`;
}

function entry(name: string, description: string): string {
  return quoted(`${name.replaceAll(":", "\\:")}:${description}`);
}
