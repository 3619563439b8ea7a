import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { pathOf } from "./problem.ts";

const PAGE = "index.html";
/** Files beside the page whose names stay the same. */
const BESIDE: ReadonlySet<string> = new Set(["icon.svg", "color-scheme.js"]);
const NO_PAGE = /^\/(api|docs|metrics|healthz|readyz|assets)(\/|$)/;

/** Where the dashboard is built to, beside this package. */
export function builtDashboardDir(): string {
  return fileURLToPath(new URL("../../dashboard/dist", import.meta.url));
}

/** Serves the built dashboard, if there is one. Every page is one page, which reads the address itself. */
export async function serveDashboard(app: FastifyInstance, dir: string | undefined): Promise<void> {
  if (dir === undefined || !existsSync(join(dir, PAGE))) return;
  await app.register(fastifyStatic, {
    ...{ root: join(dir, "assets"), prefix: "/assets/", index: false },
    // Their names hold a digest of what is in them, so they never change.
    ...{ immutable: true, maxAge: "365d" },
  });
  app.get("/*", { schema: { hide: true } as object, config: { scope: "none" } }, (request, reply) => {
    const path = pathOf(request);
    if (NO_PAGE.test(path)) return reply.callNotFound();
    const file = path.slice(1);
    const how = { immutable: false, maxAge: 0 };
    return reply.sendFile(BESIDE.has(file) ? file : PAGE, dir, how);
  });
}
