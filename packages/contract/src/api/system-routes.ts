import { z } from "zod";
import { EventRecord } from "../event.ts";
import { Count, Switch } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

const Event = (wireSchema(EventRecord) as z.ZodType).meta({ id: "Event" }) as ReturnType<
  typeof wireSchema<typeof EventRecord>
>;

const health = z.object({ status: z.string() });

/** The server itself. */
export const SYSTEM_ROUTES = {
  "GET /healthz": { ...about("Whether the server is alive", "none"), answer: health },
  "GET /readyz": { ...about("Whether the server takes work; 503 while it does not", "none"), answer: health },
  "GET /metrics": { ...about("Metrics in the format of Prometheus", "read"), produces: ["text/plain"] },
  "GET /api/events": {
    ...about("What happens in the storage, in order; with `follow` as it happens", "read"),
    query: z.object({
      since: z.union([z.literal("now"), Count]).optional(),
      follow: Switch.optional(),
      vm: z.string().max(256).optional(),
      types: z.string().max(4096).optional().meta({ description: "Types, separated by commas" }),
    }),
    answer: z.array(Event),
    produces: ["application/x-ndjson", "text/event-stream"],
  },
  "GET /api/info": {
    ...about("What this server is", "read"),
    answer: z.object({ version: z.string(), scope: z.string(), auth: z.boolean() }),
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "System" } as const;
}
