import { z } from "zod";
import type { ApiRoute } from "./route.ts";

const Bytes = z.number();

/** The machine the server runs on. */
export const HOST_ROUTES = {
  "GET /api/host": {
    ...about("How busy the host is", "read"),
    answer: z.object({
      cpus: z.int(),
      load: z.array(z.number()).meta({ description: "Over 1, 5 and 15 minutes" }),
      memory_total_bytes: Bytes,
      memory_available_bytes: Bytes,
      storage_total_bytes: Bytes,
      storage_available_bytes: Bytes,
      uptime_seconds: z.number(),
    }),
  },
  "GET /api/doctor": {
    ...about("What VMs need of the host, and what of it is there", "admin"),
    answer: z.object({
      can_run_vms: z.boolean(),
      checks: z.array(
        z.object({
          id: z.string(),
          ok: z.boolean(),
          level: z.enum(["required", "advised"]),
          found: z.string(),
          remedy: z.string().optional(),
        }),
      ),
    }),
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "System" } as const;
}
