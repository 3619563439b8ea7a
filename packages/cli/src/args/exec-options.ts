import type { Command } from "@commander-js/extra-typings";
import type { ExecOptions } from "bandsox";
import { argument } from "./argument.ts";
import { parseDurationMs } from "./values.ts";

const durationMs = argument(parseDurationMs);

/** Adds the options every command that runs something in a guest has. */
export function withExecOptions<A extends unknown[], O extends Record<string, unknown>>(
  command: Command<A, O>,
) {
  return command
    .option("-w, --workdir <dir>", "working directory in the guest (default: the image's)")
    .option("-u, --user <user>", "user[:group] or uid[:gid] (default: the image's)")
    .option(
      "--timeout <duration>",
      "kill the command after this time: 30, 30s, 5m (default: none)",
      durationMs,
    );
}

interface ParsedExecOptions {
  workdir?: string | undefined;
  user?: string | undefined;
  timeout?: number | undefined;
}

/** The options as the library takes them. */
export function toExecOptions({ workdir, user, timeout }: ParsedExecOptions): ExecOptions {
  return {
    ...(workdir === undefined ? {} : { cwd: workdir }),
    ...(user === undefined ? {} : { user }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  };
}
