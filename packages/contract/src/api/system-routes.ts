import { z } from "zod";
import type { ApiRoute } from "./route.ts";

const health = z.object({ status: z.string() });

/** The server itself. */
export const SYSTEM_ROUTES = {
  "GET /healthz": { ...about("Whether the server is alive", "none"), answer: health },
  "GET /readyz": { ...about("Whether the server takes work; 503 while it does not", "none"), answer: health },
  "GET /metrics": { ...about("Metrics in the format of Prometheus", "read"), produces: ["text/plain"] },
  "GET /api/info": {
    ...about("What this server is", "read"),
    answer: z.object({ version: z.string(), scope: z.string(), auth: z.boolean() }),
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "System" } as const;
}
