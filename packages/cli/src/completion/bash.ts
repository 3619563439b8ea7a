import type { CompletionPlace } from "./completion-tree.ts";
import { quoted } from "./quoted.ts";

/** A script for bash: `source <(bandsox completion bash)`. */
export function bashCompletion(places: readonly CompletionPlace[]): string {
  const paths = places.filter(({ path }) => path !== "").map(({ path }) => quoted(` ${path}`));
  return `# bash completion of bandsox
_bandsox_names() { bandsox __names "$1" 2>/dev/null; }

_bandsox() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} path= arguments=-1 word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
      ${paths.join(" | ")}) path="$path $word"; arguments=-1 ;;
      *) [[ $word == -* ]] || ((arguments++)) ;;
    esac
  done
  ((arguments++))
  local commands= options= kinds= choices=
  case "$path" in
${places.map(placeCase).join("\n")}
  esac
  kinds=($kinds)
  ((arguments >= \${#kinds[@]})) && ((arguments = \${#kinds[@]} - 1))
  if [[ -n $choices ]]; then COMPREPLY=($(compgen -W "$choices" -- "$current")); return; fi
  if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$current")); return; fi
  if [[ -n $commands ]]; then COMPREPLY=($(compgen -W "$commands" -- "$current")); return; fi
  case "\${kinds[arguments]:-}" in
    vm | snapshot | image)
      COMPREPLY=($(compgen -W "$(_bandsox_names "\${kinds[arguments]}")" -- "$current")) ;;
    vm-path)
      compopt -o nospace 2>/dev/null
      COMPREPLY=($(compgen -S : -W "$(_bandsox_names vm)" -- "$current") $(compgen -f -- "$current")) ;;
    *) compopt -o default 2>/dev/null; COMPREPLY=() ;;
  esac
}

complete -F _bandsox bandsox
`;
}

function placeCase({ path, commands, options, args }: CompletionPlace): string {
  const flags = options.flatMap((option) => option.flags);
  const chosen = options
    .filter(({ choices }) => choices.length > 0)
    .map(
      (option) =>
        `case $previous in ${option.flags.join(" | ")}) choices=${quoted(option.choices.join(" "))} ;; esac;`,
    );
  const words = [
    `commands=${quoted(commands.map(({ name }) => name).join(" "))}`,
    `options=${quoted(flags.join(" "))}`,
    `kinds=${quoted(args.join(" "))};`,
    ...chosen,
  ];
  return `    ${quoted(path === "" ? "" : ` ${path}`)}) ${words.join(" ")} ;;`;
}
