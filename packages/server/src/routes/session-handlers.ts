import { type SESSION_ROUTES, toWire } from "@bandsox/contract/api";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";
import { given } from "./given.ts";

/** Commands that outlive their clients. */
export function sessionHandlers({ bandsox }: Served): Handlers<keyof typeof SESSION_ROUTES> {
  const sessionsOf = async (id: string) => (await bandsox.getVm(id)).sessions;
  const sessionOf = async ({ params }: { params: { id: string; session: string } }) =>
    (await sessionsOf(params.id)).get(params.session);
  return {
    "GET /api/vms/:id/sessions": async ({ params, signal }) =>
      toWire(await (await sessionsOf(params.id)).list({ signal })),
    "POST /api/vms/:id/sessions": async ({ params, body, signal }) => {
      const { command = [], timeout_ms: timeoutMs, journal_bytes: journalBytes, terminal, ...rest } = body;
      const options = { ...given({ ...rest, timeoutMs, journalBytes, terminal }), signal };
      const session = await (await sessionsOf(params.id)).start(command, options);
      return toWire(await session.info({ signal }));
    },
    "GET /api/vms/:id/sessions/:session": async (call) =>
      toWire(await (await sessionOf(call)).info({ signal: call.signal })),
    "DELETE /api/vms/:id/sessions/:session": async (call) => {
      await (await sessionOf(call)).delete();
      return { status: "deleted" };
    },
    "POST /api/vms/:id/sessions/:session/stdin": async (call) => {
      const { data, text, close } = call.body;
      const session = await sessionOf(call);
      const bytes = data === undefined ? text : Buffer.from(data, "base64");
      if (bytes !== undefined) await session.write(bytes, { signal: call.signal });
      if (close) await session.closeStdin();
      return { status: "written" };
    },
    "POST /api/vms/:id/sessions/:session/signal": async (call) => {
      await (await sessionOf(call)).signal(call.body.signal);
      return { status: "sent" };
    },
    "POST /api/vms/:id/sessions/:session/kill": async (call) => {
      await (await sessionOf(call)).kill();
      return { status: "killed" };
    },
    "POST /api/vms/:id/sessions/:session/resize": async (call) => {
      await (await sessionOf(call)).resize(call.body);
      return { status: "resized" };
    },
    "GET /api/vms/:id/sessions/:session/exit": async (call) =>
      toWire(await (await sessionOf(call)).wait({ signal: call.signal })),
  };
}
