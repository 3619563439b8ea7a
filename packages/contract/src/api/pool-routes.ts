import { z } from "zod";
import { PoolInfo, PoolSpec } from "../pool.ts";
import { maybe } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

const Pool = (wireSchema(PoolInfo) as z.ZodType).meta({ id: "Pool" }) as ReturnType<
  typeof wireSchema<typeof PoolInfo>
>;
const Reference = z.string().min(1).max(4096).meta({ description: "The pool's id, or its image" });

/** VMs that are kept ready. A pool may be named by its image, which holds slashes: it is named in the query or the body. */
export const POOL_ROUTES = {
  "GET /api/pools": {
    ...about("List pools, with how often a VM was ready and how long making one takes", "read"),
    answer: z.array(Pool),
  },
  "PUT /api/pools": {
    ...about("Make the pool of a shape, or give it another size, and fill it", "admin"),
    ...{ body: wireSchema(PoolSpec), answer: Pool },
  },
  "POST /api/pools/fill": {
    ...about("Make what one pool lacks, or all of them", "admin"),
    ...{ body: z.object({ pool: maybe(Reference) }).nullish(), answer: z.array(Pool) },
  },
  "DELETE /api/pools": {
    ...about("Remove a pool and the VMs it keeps; those that were taken from it run on", "admin"),
    ...{ query: z.object({ pool: Reference }), answer: z.object({ status: z.string() }) },
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Pools" } as const;
}
