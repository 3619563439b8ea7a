import { EventQuery, EventType, parseInput } from "@bandsox/contract";
import { toWire } from "@bandsox/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { given } from "../routes/given.ts";
import type { Served } from "../served.ts";
import { serveSocket } from "./socket-route.ts";

const Query = z.object({
  since: z
    .union([
      z.literal("now"),
      z
        .string()
        .regex(/^[0-9]{1,15}$/)
        .transform(Number),
    ])
    .pipe(EventQuery.shape.since.unwrap())
    .default("now"),
  vm: z.string().max(256).optional(),
  types: z.string().max(4096).optional(),
  token: z.string().optional(),
});

/** `/api/events/follow`: what happens, each a message of JSON. Browsers have few HTTP connections, and many WebSockets. */
export function serveEvents(app: FastifyInstance, { bandsox }: Served): void {
  serveSocket(app, {
    ...{ path: "/api/events/follow", scope: "read", params: z.object({}), query: Query },
    serve: async ({ query: { since, vm, types: listed }, socket }) => {
      const types = parseInput(z.array(EventType).optional(), listed?.split(","), "types");
      const wanted = { since, ...given({ vm, types }) };
      try {
        for await (const event of bandsox.events({ ...wanted, signal: socket.signal })) {
          await socket.sendText(JSON.stringify(toWire(event)));
        }
      } catch (error) {
        if (!socket.signal.aborted) throw error;
      }
    },
  });
}
