import { Argument } from "@commander-js/extra-typings";
import { localCommand } from "../args/common-options.ts";
import { bashCompletion } from "../completion/bash.ts";
import { completionPlaces } from "../completion/completion-tree.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import type { CliContext } from "../context.ts";
import { tell } from "../print/tell.ts";

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const SHELLS = ["bash", "zsh", "fish"] as const;

const EXAMPLES = `
Examples:
  source <(bandsox completion bash)                                  in ~/.bashrc
  source <(bandsox completion zsh)                                   in ~/.zshrc, after compinit
  bandsox completion fish > ~/.config/fish/completions/bandsox.fish`;

/** `bandsox completion`. */
export function completionCommand(context: CliContext) {
  return localCommand("completion")
    .description("print a script by which a shell completes commands, options and names")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", EXAMPLES)
    .action(async (shell, options, command) => {
      const script = SCRIPTS[shell](completionPlaces(command.parent ?? command)); // the program loads all for this
      await tell(context, options, { json: { shell, script }, text: script, ids: [script.trimEnd()] });
    });
}
