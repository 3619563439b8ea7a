import { z } from "zod";
import { ExecExit, ExecSpec } from "./exec.ts";
import { Argument } from "./guest-string.ts";

/** A session's identity within its VM, made by whoever starts it. */
export const SessionId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "a session id is 1 to 64 letters, digits, `_` and `-`");

const Cells = z.int().min(1, "a terminal has at least 1 column and row").max(4096);

/** The size of a terminal, in characters. */
export const TerminalSize = z.strictObject({ cols: Cells, rows: Cells });
export type TerminalSize = z.infer<typeof TerminalSize>;

/** What to run in a session. */
export const SessionSpec = z
  .strictObject({
    ...ExecSpec.shape,
    /** Program and arguments; none, with a terminal, means the user's login shell */
    argv: z.array(Argument).max(65_536),
    /** Whether the session's stdin can be written (default: `false`, it is empty) */
    stdin: z.boolean().optional(),
    terminal: z
      .strictObject({
        ...TerminalSize.shape,
        /** `TERM` in the guest (default: `xterm-256color`) */
        term: z.string().min(1).max(64).optional(),
      })
      .optional(),
    /** What is kept of each output stream, in bytes (default: 4 MiB) */
    journalBytes: z
      .int()
      .min(4096)
      .max(64 * 1024 * 1024)
      .optional(),
  })
  .refine(({ argv, terminal }) => argv.length > 0 || terminal !== undefined, {
    path: ["argv"],
    message: "a command is needed",
  });
export type SessionSpec = z.infer<typeof SessionSpec>;

/** An output stream of a session. */
export type SessionStream = "stdout" | "stderr";

const Offset = z.int().min(0);
const Kept = z.object({
  /** Offset of the oldest byte that is kept */
  from: Offset,
  /** Offset of the byte that comes next */
  to: Offset,
});

/** What is known of a session at one moment. */
export const SessionInfo = z.object({
  id: SessionId,
  argv: z.array(z.string()).max(65_536),
  cwd: z.string(),
  user: z.string(),
  pid: z.int().min(0),
  /** ms since 1970, by the guest's clock */
  startedAt: z.number(),
  endedAt: z.number().optional(),
  /** How the command ended; absent while it runs */
  exit: ExecExit.optional(),
  terminal: z.object({ cols: z.int(), rows: z.int(), term: z.string().max(64).optional() }).optional(),
  stdin: z.enum(["none", "open", "closed"]),
  stdout: Kept,
  stderr: Kept,
  /** How many clients are attached */
  viewers: z.int().min(0),
});
export type SessionInfo = z.infer<typeof SessionInfo>;

/** Bytes of a stream that the session's journal no longer holds. */
export const SessionGap = z.object({ stream: z.enum(["stdout", "stderr"]), from: Offset, to: Offset });
export type SessionGap = z.infer<typeof SessionGap>;

/** One thing a session did. The last event is `exit`. */
export type SessionEvent =
  | {
      type: SessionStream;
      /** Where in its stream the data begins */
      offset: number;
      data: Uint8Array;
    }
  | ({ type: "gap" } & SessionGap)
  | ({ type: "exit" } & ExecExit);
