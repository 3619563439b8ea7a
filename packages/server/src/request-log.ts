import { randomBytes } from "node:crypto";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { type LevelWithSilent, pino } from "pino";
import { pathOf } from "./problem.ts";

const ID_BYTES = 8;
/** Asked for by machines every few seconds; of interest when they fail. */
const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

export interface LoggerOptions {
  /** What is told: this and what is more urgent (default: `info`) */
  readonly level?: LevelWithSilent | undefined;
  /** Takes one line of JSON, its newline included */
  readonly write: (line: string) => void;
}

/** A log of JSON lines. What requests say who they are by is in none of them. */
export function serverLogger({ level = "info", write }: LoggerOptions): FastifyBaseLogger {
  const serializers = {
    req: ({ method, url }: { method: string; url: string }) => ({ method, path: pathOf({ url }) }),
  };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers }, { write });
}

/** An id for a request, which its answer carries and every line about it. */
export function newRequestId(): string {
  return `req_${randomBytes(ID_BYTES).toString("hex")}`;
}

/** Tells of each request when it has been answered, and each answer which request it is of. */
export function logRequests(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ id }, reply) => {
    reply.header("x-request-id", id);
  });
  app.addHook("onResponse", async (request, { statusCode: status, elapsedTime }) => {
    const { method, ip: address, identity } = request;
    const path = pathOf(request);
    const facts = {
      method,
      path,
      status,
      ms: Math.round(elapsedTime * 10) / 10,
      address,
      caller: identity?.id,
    };
    const level = PROBES.has(path) && status < 400 ? "debug" : "info";
    request.log[level](facts, "request answered");
  });
}
