import { BandSoxError, isAnyBandSoxError, parseInput } from "@bandsox/contract";
import { Agent, type Dispatcher, interceptors } from "undici";
import { z } from "zod";
import { CallLimit } from "../guest/call-limit.ts";
import type { GuestEndpoint } from "../guest/guest-connections.ts";
import { connectTcp } from "../guest/tcp.ts";
import { Port } from "./connect.ts";
import type { VmGuest } from "./vm-guest.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const HOST = "localhost";

const HttpRequest = z
  .strictObject({
    port: Port,
    path: z.string().startsWith("/", "a path begins with `/`").default("/"),
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/, "a method is in capitals")
      .default("GET"),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
    json: z.json().optional(),
    timeoutMs: z.int().min(1).max(2_147_483_647).default(DEFAULT_TIMEOUT_MS),
    maxBytes: z
      .int()
      .min(0)
      .max(512 * 1024 * 1024)
      .default(DEFAULT_MAX_BYTES),
    maxRedirects: z.int().min(0).max(20).default(0),
  })
  .refine(({ body, json }) => body === undefined || json === undefined, {
    path: ["json"],
    message: "a request has either a body or JSON",
  });

/** An HTTP request to something that listens in the guest. */
export interface HttpRequestOptions extends z.input<typeof HttpRequest> {
  signal?: AbortSignal;
}

/** What a service in the guest answered. A status of any kind is an answer, not an error. */
export interface HttpResponse {
  readonly status: number;
  /** By lower-case name; those that came more than once as a list */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  text(): string;
  /** @throws {SyntaxError} when the body is no JSON */
  json(): unknown;
}

/** Makes one HTTP request on a connection of its own, from within the guest to its own `localhost`. */
export async function sendHttpRequest(guest: VmGuest, options: HttpRequestOptions): Promise<HttpResponse> {
  const { signal, ...rest } = options;
  const request = parseInput(HttpRequest, rest, "HTTP request");
  return guest.call(signal, (endpoint, either) => exchangeHttp(endpoint, request, either));
}

async function exchangeHttp(
  endpoint: GuestEndpoint,
  request: z.infer<typeof HttpRequest>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const url = `http://${HOST}:${request.port}${request.path}`;
  const fail = (reason: "timeout" | "too_large" | "redirect" | "broken", why: string, cause?: unknown) => {
    const details = { vmId: endpoint.vmId, url, reason };
    const message = `${request.method} ${url} in ${endpoint.vmId} failed: ${why}`;
    return new BandSoxError("http_request_failed", message, details, { cause });
  };
  using limit = new CallLimit(signal, request.timeoutMs);
  const connect: NonNullable<Agent.Options["connect"]> = ({ hostname, port }, callback) => {
    // A redirect the guest names leads to itself or nowhere; nothing is asked of this host's network.
    const connecting =
      hostname === HOST
        ? connectTcp(endpoint, { host: HOST, port: Number(port || 80), signal: limit.signal })
        : Promise.reject(fail("redirect", `it redirects out of the guest, to ${hostname}`));
    connecting.then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
  const agent = new Agent({ connect, headersTimeout: 0, bodyTimeout: 0, pipelining: 1 });
  try {
    const response = await dispatch(agent, request, limit.signal);
    const body = await readBody(response.body, request.maxBytes);
    if (!body) throw fail("too_large", `its answer has more than ${request.maxBytes} bytes`);
    return toResponse(response, body);
  } catch (error) {
    if (limit.isLate) throw fail("timeout", `there was no answer within ${request.timeoutMs} ms`, error);
    if (signal.aborted)
      throw new BandSoxError("interrupted", `interrupted during ${request.method} ${url}`, {});
    if (isAnyBandSoxError(error)) throw error;
    throw fail("broken", error instanceof Error ? error.message : String(error), error);
  } finally {
    await agent.destroy();
  }
}

function dispatch(agent: Agent, request: z.infer<typeof HttpRequest>, signal: AbortSignal) {
  const { method, path, port, headers, body, json, maxRedirects } = request;
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  return agent.compose(interceptors.redirect({ maxRedirections: maxRedirects })).request({
    ...{ origin: `http://${HOST}:${port}`, path, signal },
    method: method as Dispatcher.HttpMethod,
    headers: { ...headers, ...(json === undefined || hasType ? {} : { "content-type": "application/json" }) },
    body: (json === undefined ? body : JSON.stringify(json)) ?? null,
  });
}

/** The whole body, or `undefined` when it is longer than allowed. */
async function readBody(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer | undefined> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    kept.push(chunk);
  }
  return Buffer.concat(kept);
}

function toResponse({ statusCode, headers }: Dispatcher.ResponseData, body: Buffer): HttpResponse {
  const text = () => body.toString("utf8");
  return { status: statusCode, headers, body, text, json: () => JSON.parse(text()) };
}
