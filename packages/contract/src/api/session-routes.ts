import { z } from "zod";
import { ExecExit } from "../exec.ts";
import { Argument, GuestString } from "../guest-string.ts";
import { SessionId, SessionInfo, SessionSpec, TerminalSize } from "../session.ts";
import { Env } from "../vm-spec.ts";
import { maybe, VmParams } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

const Session = (wireSchema(SessionInfo) as z.ZodType).meta({ id: "Session" }) as ReturnType<
  typeof wireSchema<typeof SessionInfo>
>;
const { terminal, journalBytes, timeoutMs } = SessionSpec.shape;

/** A session in a path. */
export const SessionParams = z.object({ ...VmParams.shape, session: SessionId });

/** What to run in a session; no command, with a terminal, is the user's login shell. */
export const NewSession = z
  .object({
    command: maybe(z.union([GuestString, z.array(Argument).max(65_536)])),
    cwd: maybe(GuestString),
    env: maybe(Env),
    user: maybe(GuestString),
    timeout_ms: maybe(timeoutMs.unwrap()),
    stdin: maybe(z.boolean()),
    terminal: maybe(terminal.unwrap()),
    journal_bytes: maybe(journalBytes.unwrap()),
  })
  .meta({ id: "NewSession" });

/** Commands that outlive their clients. Their output is had, and their input given, by the WebSocket `…/attach`. */
export const SESSION_ROUTES = {
  "GET /api/vms/:id/sessions": {
    ...about("List sessions, the newest first", "read"),
    ...{ params: VmParams, answer: z.array(Session) },
  },
  "POST /api/vms/:id/sessions": {
    ...about("Start a command that outlives its clients", "exec"),
    ...{ params: VmParams, body: NewSession, answer: Session, idempotent: true },
  },
  "GET /api/vms/:id/sessions/:session": {
    ...about("One session", "read"),
    ...{ params: SessionParams, answer: Session },
  },
  "DELETE /api/vms/:id/sessions/:session": {
    ...about("End a session and forget it", "exec"),
    ...{ params: SessionParams, answer: z.object({ status: z.string() }) },
  },
  "POST /api/vms/:id/sessions/:session/stdin": {
    ...about("Write to its stdin; with `close` that is the end of it", "exec"),
    params: SessionParams,
    body: z.object({ data: maybe(z.base64()), text: maybe(z.string()), close: maybe(z.boolean()) }),
    ...{ answer: z.object({ status: z.string() }), bodyLimitBytes: 32 * 1024 * 1024 },
  },
  "POST /api/vms/:id/sessions/:session/signal": {
    ...about("Send a signal, e.g. `SIGINT`, to its process group", "exec"),
    ...{ params: SessionParams, body: z.object({ signal: z.string().max(32) }) },
    answer: z.object({ status: z.string() }),
  },
  "POST /api/vms/:id/sessions/:session/kill": {
    ...about("End its process group at once", "exec"),
    ...{ params: SessionParams, answer: z.object({ status: z.string() }) },
  },
  "POST /api/vms/:id/sessions/:session/resize": {
    ...about("Change the size of its terminal", "exec"),
    ...{ params: SessionParams, body: TerminalSize, answer: z.object({ status: z.string() }) },
  },
  "GET /api/vms/:id/sessions/:session/exit": {
    ...about("How it ended, as soon as it has", "read"),
    ...{ params: SessionParams, answer: wireSchema(ExecExit) },
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Sessions" } as const;
}
