import { Command } from "@commander-js/extra-typings";
import type { WhereOptions } from "../where.ts";
import { argument } from "./argument.ts";
import { STORAGE_OPTION } from "./storage-option.ts";
import { parsePort } from "./values.ts";

/** What every command can be told, under a heading of its own in its help. */
export const COMMON_HEADING = "Common options:";

/** What a command was told of where its VMs are and how to print. */
export interface CommonOptions extends WhereOptions {
  json?: true | undefined;
  quiet?: true | undefined;
}

/** The start of every command on VMs, wherever they are: it prints for people, the ids alone, or JSON. */
export function storeCommand(name: string) {
  return withServerOptions(withCommonOptions(new Command(name))).optionsGroup("Options:");
}

/** The start of a command that is about this machine. */
export function localCommand(name: string) {
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

/** Adds how a server is named whose VMs are meant instead of this machine's. */
export function withServerOptions<A extends unknown[], O extends Record<string, unknown>>(
  command: Command<A, O>,
) {
  return command
    .optionsGroup(COMMON_HEADING)
    .option("--url <url>", "server to use instead of a storage (default: BANDSOX_URL, else none)")
    .option("--host <host>", "the same by its host, e.g. box.example (default port: 8000)")
    .option("--port <port>", "the same by its port (default host: 127.0.0.1)", argument(parsePort));
}
