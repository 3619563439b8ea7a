import { Readable } from "node:stream";
import {
  type ApiRoute,
  type MediaType,
  ROUTES,
  type RouteAnswer,
  type RouteKey,
  type RouteRequest,
} from "@bandsox/contract/api";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { z } from "zod";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a key needs for the route (default: `admin`) */
    readonly scope?: ApiRoute["scope"];
    /** Whether a token is also looked for in the address */
    readonly tokenInQuery?: boolean;
  }
}

const BODY_LIMIT_BYTES = 1024 * 1024;

/** One request to an operation of the API, parsed. */
export type Call<K extends RouteKey> = RouteRequest<K> & {
  /** Fires when the client has gone */
  readonly signal: AbortSignal;
  /** The body as it comes, of an operation that takes bytes */
  readonly bytes: Readable;
  /** Which of the media types the operation has the client wants, if it wants one instead of JSON */
  readonly wanted: MediaType | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

/** What answers an operation: JSON, or a stream of something else. */
export type Handler<K extends RouteKey> = (call: Call<K>) => Promise<RouteAnswer<K> | Streamed>;
/** Handlers of some operations. */
export type Handlers<K extends RouteKey> = { readonly [Key in K]: Handler<Key> };

/** An answer that is no JSON. */
export class Streamed {
  readonly type: string;
  readonly body: AsyncIterable<Uint8Array | string> | string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether its head is sent before there is anything of its body */
  readonly isLive: boolean = false;

  constructor(
    type: MediaType | (string & {}),
    body: AsyncIterable<Uint8Array | string> | string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.type = type;
    this.body = body;
    this.headers = headers;
  }

  /** An answer that goes on with what happens: that it has begun is told at once. */
  static live(type: MediaType | (string & {}), body: AsyncIterable<Uint8Array | string>): Streamed {
    return Object.assign(new Streamed(type, body, { "cache-control": "no-store" }), { isLive: true });
  }
}

/** Serves operations as the API's table describes them. */
export function serveRoutes(app: FastifyInstance, handlers: Handlers<RouteKey>): void {
  for (const key of Object.keys(handlers) as RouteKey[]) {
    app.route(routeOptions(key, handlers[key] as Handler<RouteKey>));
  }
}

function routeOptions(key: RouteKey, handler: Handler<RouteKey>): RouteOptions {
  const [method = "", url = ""] = key.split(" ");
  const route: ApiRoute = ROUTES[key];
  return {
    ...{ method, url, schema: schemaOf(route), bodyLimit: route.bodyLimitBytes ?? BODY_LIMIT_BYTES },
    config: { scope: route.scope },
    handler: async (request, reply) => {
      const result = await handler(callOf(route, request, reply));
      if (!(result instanceof Streamed)) return reply.send(result);
      const { type, headers, body, isLive } = result;
      reply.type(type).headers(headers).serializer(String);
      if (typeof body === "string") return reply.send(body);
      return reply.send(Readable.from(isLive ? begunAtOnce(body, reply) : body, { objectMode: false }));
    },
  };
}

/** Fastify has set the head by the time it reads the body. */
async function* begunAtOnce<T>(
  body: AsyncIterable<T>,
  { raw }: FastifyReply,
): AsyncGenerator<T, void, undefined> {
  raw.flushHeaders();
  yield* body;
}

function callOf(route: ApiRoute, request: FastifyRequest, reply: FastifyReply): Call<RouteKey> {
  const { params, query, body } = request;
  return {
    ...{ params, query, signal: goneSignal(reply), request, reply },
    body: body instanceof Readable ? undefined : (body ?? undefined),
    bytes: body instanceof Readable ? body : request.raw,
    wanted: wantedOf(route, request),
  } as Call<RouteKey>;
}

/** Fires when the client has gone before it was answered. The request's own signal fires once its body was read. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function wantedOf({ produces = [], answer }: ApiRoute, { headers }: FastifyRequest): MediaType | undefined {
  const accepted = (headers.accept ?? "").split(",").map((part) => part.split(";", 1)[0]?.trim());
  return produces.find((type) => accepted.includes(type)) ?? (answer ? undefined : produces[0]);
}

function schemaOf({ summary, tag, params, query, body, consumes, answer, produces = [] }: ApiRoute) {
  const streams = produces.map((type) => [type, { schema: z.string() }]);
  const content = Object.fromEntries([
    ...(answer ? [["application/json", { schema: answer }]] : []),
    ...streams,
  ]);
  return {
    ...{ summary, tags: [tag] },
    ...(params ? { params } : {}),
    ...(query ? { querystring: query } : {}),
    ...(body && consumes === undefined ? { body } : {}),
    ...(consumes ? { consumes: [consumes] } : {}),
    response: { 200: { description: "Success", content } },
  };
}
