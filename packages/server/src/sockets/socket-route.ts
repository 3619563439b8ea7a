import { type BandSoxError, isBandSoxError, parseInput } from "@bandsox/contract";
import { API_FRAMES, type Scope } from "@bandsox/contract/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import { assertScope } from "../auth/guard.ts";
import { jsonBytes } from "../exec-frames.ts";
import { pathOf, toBandSoxError, toProblem } from "../problem.ts";
import { FrameSocket } from "./frame-socket.ts";

/** The sub-protocol of our clients: binary frames. */
export const FRAMES_PROTOCOL = "bandsox.v1";
/** That of the first BandSox's terminals: base64 in text. */
export const TERMINAL_PROTOCOL = "bandsox.terminal";

/** Why a WebSocket was closed, as the first BandSox has it. */
export const CLOSE = {
  ended: 1000,
  failed: 4000,
  unauthorized: 4001,
  forbidden: 4003,
  notFound: 4004,
} as const;

/** One open WebSocket of a route. */
export interface SocketCall<P, Q> {
  readonly params: P;
  readonly query: Q;
  readonly socket: FrameSocket;
  readonly request: FastifyRequest;
  /** Whether the client speaks frames */
  readonly speaksFrames: boolean;
}

export interface SocketRoute<P extends z.ZodType, Q extends z.ZodType> {
  readonly path: string;
  readonly scope: Scope;
  readonly params: P;
  readonly query: Q;
  /** Serves one connection; it is closed when this settles */
  serve(call: SocketCall<z.output<P>, z.output<Q>>): Promise<void>;
}

/** Serves a WebSocket. What fails is told as a frame, to those who speak frames, and by the code it is closed with. */
export function serveSocket<P extends z.ZodType, Q extends z.ZodType>(
  app: FastifyInstance,
  { path, scope, params, query, serve }: SocketRoute<P, Q>,
): void {
  const options = {
    websocket: true,
    config: { scope, tokenInQuery: true },
    schema: { hide: true } as object,
  } as const;
  app.get(path, options, async (webSocket, request) => {
    using socket = new FrameSocket(webSocket);
    const speaksFrames = webSocket.protocol === FRAMES_PROTOCOL;
    if (speaksFrames) socket.withWindow();
    const facts = { path: pathOf(request), address: request.ip, caller: request.identity?.id };
    request.log.info(facts, "socket opened");
    socket.signal.addEventListener("abort", () => {
      request.log.info({ ...facts, code: socket.closeCode }, "socket closed");
    });
    try {
      assertScope(request, scope);
      await serve({
        params: parseInput<z.output<P>>(params as z.ZodType<z.output<P>>, request.params, "path"),
        query: parseInput<z.output<Q>>(query as z.ZodType<z.output<Q>>, request.query, "query"),
        ...{ socket, request, speaksFrames },
      });
    } catch (error) {
      if (socket.signal.aborted) return;
      const known = toBandSoxError(error, request);
      if (known.code === "internal_error") request.log.error({ err: error }, "socket failed");
      if (speaksFrames) await socket.send(API_FRAMES.error, jsonBytes(toProblem(known, request.id)));
      socket.close(closeCodeOf(known), known.message);
    }
  });
}

function closeCodeOf(error: BandSoxError): number {
  if (error.code === "unauthorized") return CLOSE.unauthorized;
  if (error.code === "scope_missing") return CLOSE.forbidden;
  return isBandSoxError(error, "vm_not_found") || isBandSoxError(error, "vm_wrong_state")
    ? CLOSE.notFound
    : CLOSE.failed;
}

/** Which of the sub-protocols a client offers is spoken; those that carry a token are none. */
export function chooseProtocol(offered: ReadonlySet<string>): string | false {
  return [FRAMES_PROTOCOL, TERMINAL_PROTOCOL].find((name) => offered.has(name)) ?? false;
}
