import { Command } from "@commander-js/extra-typings";
import { STORAGE_OPTION } from "./storage-option.ts";

/** What every command can be told, under a heading of its own in its help. */
export const COMMON_HEADING = "Common options:";

/** What a command was told of where its VMs are and how to print. */
export interface CommonOptions {
  json?: true | undefined;
  quiet?: true | undefined;
  storage?: string | undefined;
}

/** The start of every command on VMs: it prints for people, the ids alone, or JSON. */
export function storeCommand(name: string) {
  return withCommonOptions(new Command(name)).optionsGroup("Options:");
}

/** Adds what can be said of any command, before the command's name as well as behind it. */
export function withCommonOptions<A extends unknown[], O extends Record<string, unknown>>(
  command: Command<A, O>,
) {
  return command
    .optionsGroup(COMMON_HEADING)
    .option("--json", "print JSON, as docs/cli.md describes it, and errors as JSON on stderr")
    .option("-q, --quiet", "print only ids, and no progress")
    .option(...STORAGE_OPTION);
}
