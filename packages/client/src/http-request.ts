import { toBase64 } from "./exec.ts";
import type { Transport } from "./transport.ts";

/** An HTTP request to something that listens in the guest. */
export interface HttpRequestOptions {
  port: number;
  /** (default: `/`) */
  path?: string | undefined;
  /** (default: `GET`) */
  method?: string | undefined;
  headers?: Record<string, string> | undefined;
  body?: string | Uint8Array | undefined;
  json?: unknown;
  /** Time until the whole answer is there, in ms (default: `30000`) */
  timeoutMs?: number | undefined;
  /** Bytes the answer may have (default: 16 MiB) */
  maxBytes?: number | undefined;
  /** (default: `0`) */
  maxRedirects?: number | undefined;
  signal?: AbortSignal | undefined;
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

/** Makes one HTTP request, from within the guest to its own `localhost`. */
export async function sendHttpRequest(
  transport: Transport,
  vm: string,
  options: HttpRequestOptions,
): Promise<HttpResponse> {
  const { port, path, method, headers, json, timeoutMs, maxBytes, maxRedirects, signal } = options;
  const bytes = typeof options.body === "string" ? new TextEncoder().encode(options.body) : options.body;
  const limits = { max_bytes: maxBytes, max_redirects: maxRedirects };
  const body = {
    ...{ port, path, method, headers, ...limits, json_body: json as never },
    timeout: timeoutMs === undefined ? undefined : timeoutMs / 1000,
    body_base64: bytes && toBase64(bytes),
  };
  const call = { params: { id: vm }, body, signal, timeoutMs: 0 };
  const answer = await transport.call("POST /api/vms/:id/http", call);
  const received = fromBase64(answer.body_base64);
  const text = () => new TextDecoder().decode(received);
  const { status_code: status } = answer;
  return { status, headers: answer.headers, body: received, text, json: () => JSON.parse(text()) };
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
