import { z } from "zod";
import { CleanupReport } from "../cleanup.ts";
import { maybe } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

/** The storage that is served. */
export const STORAGE_ROUTES = {
  "POST /api/cleanup": {
    ...about("Settle what dead processes left, and say what that was; with `dry_run` only say it"),
    body: z
      .object({
        dry_run: maybe(z.boolean()),
        strays: maybe(z.boolean()).meta({ description: "Also what is in none of the storage's lists" }),
      })
      .nullish(),
    answer: wireSchema(CleanupReport),
  },
  "POST /api/events/prune": {
    ...about("Forget all events but the newest so many"),
    ...{ body: z.object({ keep: z.int().min(0) }), answer: z.object({ pruned: z.int() }) },
  },
} as const satisfies Record<string, ApiRoute>;

function about(summary: string) {
  return { summary, scope: "admin", tag: "System" } as const;
}
