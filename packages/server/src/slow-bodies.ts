import { BandSoxError } from "@bandsox/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { sendProblem } from "./problem.ts";

/** Times it is looked whether a body comes, before it is given up */
const LOOKS = 4;

/**
 * Gives up bodies that do not come: nothing for as long as is waited, while nothing but the client is waited for. A body
 * that is read slowly here, because a guest takes it slowly, is not late.
 */
export function boundSlowBodies(app: FastifyInstance, patienceMs: number): void {
  app.addHook("onRequest", async (request, reply) => {
    if (!hasBody(request)) return;
    const { raw } = request;
    let seen = raw.socket.bytesRead;
    let quiet = 0;
    const timer = setInterval(() => {
      if (raw.complete || raw.destroyed) return clearInterval(timer);
      const { bytesRead } = raw.socket;
      const isWaitedFor = bytesRead === seen && raw.readableLength === 0;
      quiet = isWaitedFor ? quiet + 1 : 0;
      seen = bytesRead;
      if (quiet < LOOKS) return;
      clearInterval(timer);
      if (reply.sent) raw.destroy();
      else sendProblem(reply, tooSlow(patienceMs));
    }, patienceMs / LOOKS);
    timer.unref();
    reply.raw.once("close", () => clearInterval(timer));
  });
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function tooSlow(patienceMs: number): BandSoxError {
  return new BandSoxError("body_too_slow", `nothing of the request's body came for ${patienceMs} ms`, {});
}
