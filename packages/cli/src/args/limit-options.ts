import type { LimitAction, LimitsPatch } from "@bandsox/contract";
import { type Command, Option } from "@commander-js/extra-typings";
import { argument } from "./argument.ts";
import { parseDurationMs } from "./values.ts";

const ACTIONS = ["pause", "stop", "delete"] as const satisfies readonly LimitAction[];
const durationMs = argument(parseDurationMs);

/** Adds the options for how long a VM may live and be idle. */
export function addLimitOptions<A extends unknown[], O extends Record<string, unknown>>(
  command: Command<A, O>,
): Command<A, O & NewLimitOptions> {
  return command
    .option("--timeout <duration>", "how long the VM may live: 90s, 30m, 8h (default: no limit)", durationMs)
    .addOption(new Option("--on-timeout <action>", "what is done then (default: stop)").choices(ACTIONS))
    .option("--idle-timeout <duration>", "how long it may do nothing (default: no limit)", durationMs)
    .addOption(
      new Option("--on-idle <action>", "what is done then (default: pause)").choices(ACTIONS),
    ) as Command<A, O & NewLimitOptions>; // what commander infers is too long to be written down
}

/** What is parsed of them. */
export interface NewLimitOptions {
  timeout?: number | undefined;
  onTimeout?: LimitAction | undefined;
  idleTimeout?: number | undefined;
  onIdle?: LimitAction | undefined;
}

interface LimitOptions {
  timeout?: number | boolean | undefined;
  onTimeout?: LimitAction | undefined;
  idleTimeout?: number | boolean | undefined;
  onIdle?: LimitAction | undefined;
}

/** The options as the library takes them for a new VM. */
export function toNewLimits({ timeout, onTimeout, idleTimeout, onIdle }: LimitOptions) {
  return {
    ...(typeof timeout === "number" ? { timeoutMs: timeout } : {}),
    ...(onTimeout === undefined ? {} : { onTimeout }),
    ...(typeof idleTimeout === "number" ? { idleTimeoutMs: idleTimeout } : {}),
    ...(onIdle === undefined ? {} : { onIdle }),
  };
}

/** The options as the library takes them for a VM that exists; `false` lifts a limit. */
export function toLimits(options: LimitOptions): LimitsPatch {
  return {
    ...(options.timeout === false ? { timeoutMs: null } : {}),
    ...(options.idleTimeout === false ? { idleTimeoutMs: null } : {}),
    ...toNewLimits(options),
  };
}
