import { z } from "zod";
import { Argument, GuestString } from "./guest-string.ts";
import { Env } from "./vm-spec.ts";

/** What to run in a guest. Strings go through `/bin/sh -c`; argument lists run as they are. */
export const ExecSpec = z.strictObject({
  /** Program and arguments; the program is looked up in the `PATH` of the exec's environment */
  argv: z.array(Argument).min(1, "a command is needed").max(65_536),
  /** Working directory in the guest (default: the image's `WORKDIR`) */
  cwd: GuestString.optional(),
  /** Variables added to the image's and the VM's */
  env: Env.optional(),
  /** `user`, `uid`, `user:group` or `uid:gid` (default: the image's `USER`) */
  user: GuestString.optional(),
  /** Time after which the whole process group is killed, in ms (default: no limit) */
  timeoutMs: z.int().min(1).max(2_147_483_647).optional(),
});
export type ExecSpec = z.infer<typeof ExecSpec>;

/** How a command ended. The last thing of every exec. */
export const ExecExit = z.object({
  /** The command's own code, or 128 + the signal's number */
  exitCode: z.int(),
  /** The signal that ended it, e.g. `SIGKILL` */
  signal: z.string().optional(),
  /** Whether `timeoutMs` passed, and so the command was killed */
  timedOut: z.boolean(),
});
export type ExecExit = z.infer<typeof ExecExit>;

/** One thing a running command did. The last event of every exec is `exit`. */
export type ExecEvent = { type: "stdout" | "stderr"; data: Uint8Array } | ({ type: "exit" } & ExecExit);

/** A finished command with its output. A non-zero `exitCode` is a result, not an error. */
export interface ExecResult extends ExecExit {
  stdout: string;
  stderr: string;
  /** Both streams in the order they arrived */
  output: string;
  /** Whether output beyond the capture limit was dropped; the command itself ran on */
  truncated: boolean;
}
