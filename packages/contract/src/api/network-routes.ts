import { z } from "zod";
import { Egress } from "../networking.ts";
import { Switch, Vm, VmParams } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

/** The networks of VMs. */
export const NETWORK_ROUTES = {
  "GET /api/vms/:id/network/decisions": {
    ...about(
      "What was decided about a VM's connections and questions for names; with `follow` as it comes",
      "read",
    ),
    ...{
      params: VmParams,
      query: z.object({ follow: Switch.optional() }),
      produces: ["application/x-ndjson"],
    },
  },
  "PUT /api/vms/:id/network/egress": {
    ...about("Change what a VM may connect to; more than `none` and `public` needs the scope admin", "exec"),
    ...{ params: VmParams, body: z.object({ egress: wireSchema(Egress) }), answer: Vm },
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "VMs" } as const;
}
