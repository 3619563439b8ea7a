import type { SYSTEM_ROUTES } from "@bandsox/contract/api";
import { type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";

/** The server itself. */
export function systemHandlers({ bandsox }: Served): Handlers<keyof typeof SYSTEM_ROUTES> {
  return {
    "GET /healthz": async () => ({ status: "alive" }),
    "GET /readyz": async () => {
      await bandsox.listVms();
      return { status: "ready" };
    },
    "GET /metrics": async () => new Streamed("text/plain", ""),
    "GET /api/info": async () => ({ version: "0.1.0", scope: "admin", auth: false }),
  };
}
