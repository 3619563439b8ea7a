import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

const PAGES = ["/", "/login", "/vm_details", "/terminal", "/markdown_viewer"];

/** Serves the built dashboard, if there is one; its pages are one page, which reads the address itself. */
export async function serveDashboard(app: FastifyInstance, dir: string | undefined): Promise<void> {
  if (dir === undefined || !existsSync(join(dir, "index.html"))) return;
  await app.register(fastifyStatic, { root: dir, wildcard: false, index: false });
  for (const page of PAGES) {
    app.get(page, { schema: { hide: true } as object, config: { scope: "none" } }, (_, reply) =>
      reply.sendFile("index.html"),
    );
  }
}
