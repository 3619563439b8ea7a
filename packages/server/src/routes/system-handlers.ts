import type { SYSTEM_ROUTES } from "@bandsox/contract/api";
import { type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";
import { eventsHandler } from "./events-handler.ts";

const VERSION = "0.1.0";

/** The server itself. */
export function systemHandlers({ bandsox, auth, metrics }: Served): Handlers<keyof typeof SYSTEM_ROUTES> {
  return {
    "GET /healthz": async () => ({ status: "alive" }),
    "GET /readyz": async () => {
      await bandsox.listVms();
      return { status: "ready" };
    },
    "GET /metrics": async () =>
      new Streamed("text/plain; version=0.0.4; charset=utf-8", await metrics.text()),
    "GET /api/events": eventsHandler(bandsox),
    "GET /api/info": async ({ request }) => ({
      version: VERSION,
      scope: request.identity?.scope ?? "none",
      auth: auth?.isEnabled ?? false,
    }),
  };
}
