import { type STORAGE_ROUTES, toWire } from "@bandsox/contract/api";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";
import { given } from "./given.ts";

/** The storage that is served. */
export function storageHandlers({ bandsox }: Served): Handlers<keyof typeof STORAGE_ROUTES> {
  return {
    "POST /api/cleanup": async ({ body, signal }) => {
      const { dry_run: dryRun, strays } = body ?? {};
      return toWire(await bandsox.cleanup({ ...given({ dryRun, strays }), signal }));
    },
    "POST /api/events/prune": async ({ body }) => ({ pruned: await bandsox.pruneEvents(body) }),
  };
}
