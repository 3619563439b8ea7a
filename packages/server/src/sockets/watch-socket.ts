import { GuestPath } from "@bandsox/contract";
import { Switch, toWire, VmParams } from "@bandsox/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Served } from "../served.ts";
import { serveSocket } from "./socket-route.ts";

const token = z.string().optional();

/** `/api/vms/:id/watch`: changes of files as they happen, each a message of JSON; the first says that it has begun. */
export function serveWatch(app: FastifyInstance, { bandsox }: Served): void {
  serveSocket(app, {
    ...{ path: "/api/vms/:id/watch", scope: "read", params: VmParams },
    query: z.object({ path: GuestPath, recursive: Switch.optional(), exclude: z.string().optional(), token }),
    serve: async ({ params, query, socket }) => {
      const { files } = await bandsox.getVm(params.id);
      const exclude = query.exclude?.split(",").filter((glob) => glob !== "");
      const options = { recursive: query.recursive, exclude, signal: socket.signal };
      await using watch = await files.watch(query.path, options);
      await socket.sendText(JSON.stringify({ type: "watching", cursor: watch.cursor }));
      try {
        for await (const event of watch) await socket.sendText(JSON.stringify(toWire(event)));
      } catch (error) {
        if (!socket.signal.aborted) throw error;
      }
    },
  });
}

/** `/api/vms/:id/logs`: what the guest writes to its console, as messages of text. */
export function serveLogs(app: FastifyInstance, { bandsox }: Served): void {
  serveSocket(app, {
    ...{ path: "/api/vms/:id/logs", scope: "read", params: VmParams, query: z.object({ token }) },
    serve: async ({ params, socket }) => {
      const vm = await bandsox.getVm(params.id);
      try {
        const log = vm.consoleLog({ follow: true, signal: socket.signal });
        for await (const text of log) await socket.sendText(text);
      } catch (error) {
        if (!socket.signal.aborted) throw error;
      }
    },
  });
}
