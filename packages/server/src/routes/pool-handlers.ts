import { PoolSpec, parseInput } from "@bandsox/contract";
import { fromWire, type POOL_ROUTES, toWire } from "@bandsox/contract/api";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";

/** VMs that are kept ready. */
export function poolHandlers({ bandsox, admission }: Served): Handlers<keyof typeof POOL_ROUTES> {
  const { pools } = bandsox;
  return {
    "GET /api/pools": async () => toWire(await pools.list()),
    "PUT /api/pools": async ({ body, signal }) => {
      const spec = parseInput(PoolSpec, fromWire(body), "pool");
      const had = (await pools.list()).find((pool) => isOfShape(pool, spec));
      const memMib = Math.max(0, spec.size - (had?.ready ?? 0)) * spec.memMib;
      return toWire(await admission.reserve(memMib, () => pools.set(spec, { signal })));
    },
    "POST /api/pools/fill": async ({ body, signal }) => toWire(await pools.fill(body?.pool, { signal })),
    "DELETE /api/pools": async ({ query, signal }) => {
      await pools.remove(query.pool, { signal });
      return { status: "removed" };
    },
  };
}

function isOfShape(one: Omit<PoolSpec, "size">, other: Omit<PoolSpec, "size">): boolean {
  return (["image", "vcpu", "memMib", "diskSizeMib"] as const).every((field) => one[field] === other[field]);
}
