import { once } from "node:events";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { BandSoxError } from "@bandsox/contract";
import { API_FRAMES, VmParams } from "@bandsox/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { jsonBytes } from "../exec-frames.ts";
import { given } from "../routes/given.ts";
import type { Served } from "../served.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { serveSocket } from "./socket-route.ts";

const Query = z.object({
  port: z
    .string()
    .regex(/^[0-9]{1,5}$/, "a port is a whole number")
    .transform(Number),
  host: z.string().max(64).optional(),
  token: z.string().optional(),
});

const NOTHING = new Uint8Array();

/** `/api/vms/:id/tcp`: a TCP connection to something that listens in the guest. Each side ends its own direction. */
export function serveTcp(app: FastifyInstance, { bandsox }: Served): void {
  serveSocket(app, {
    ...{ path: "/api/vms/:id/tcp", scope: "exec", params: VmParams, query: Query },
    serve: async ({ params, query: { port, host }, socket }) => {
      const vm = await bandsox.getVm(params.id);
      const options = { ...given({ host }), allowHalfOpen: true, signal: socket.signal };
      const stream = await vm.connect(port, options);
      await socket.send(API_FRAMES.begun, jsonBytes({ port }));
      try {
        await Promise.all([carryIn(stream, socket), carryOut(socket, stream)]);
      } catch (error) {
        if (!socket.signal.aborted) throw broken(vm.id, port, error);
      } finally {
        stream.destroy();
      }
    },
  });
}

async function carryIn(stream: Duplex, socket: FrameSocket): Promise<void> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    await socket.send(API_FRAMES.stdout, chunk as Uint8Array);
  }
  await socket.send(API_FRAMES.ended, NOTHING);
}

async function carryOut(socket: FrameSocket, stream: Duplex): Promise<void> {
  const done = finished(stream, { readable: false });
  done.catch(() => {}); // awaited below, also when the connection breaks before
  for await (const message of socket.messages()) {
    if (typeof message === "string") continue;
    if (message.kind === API_FRAMES.eof) break;
    if (message.kind !== API_FRAMES.stdin) continue;
    if (!stream.write(message.data)) await Promise.race([once(stream, "drain"), done]);
  }
  stream.end();
  await done;
}

function broken(vmId: string, port: number, cause: unknown): BandSoxError {
  const address = `port ${port}`;
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `the connection to ${address} in ${vmId} broke: ${why}`;
  return new BandSoxError("connect_failed", message, { vmId, address }, { cause });
}
