import type { RouteInput, RouteKey, RouteResult } from "@bandsox/contract/api";
import {
  type BandSoxError,
  fromProblem,
  interrupted,
  invalidAnswer,
  isProblem,
  tooLate,
  unreachable,
} from "./error.ts";
import type { HostFiles } from "./host-files.ts";
import type { HostPorts } from "./host-ports.ts";

const TIMEOUT_MS = 60_000;

/** How a server is reached. */
export interface ClientOptions {
  /** Key to call with; `bandsox auth create-key` makes one */
  readonly apiKey?: string | undefined;
  /** Headers of every request */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Time a call without a time of its own has until its answer begins, in ms (default: `60000`; `0` is no limit) */
  readonly timeoutMs?: number | undefined;
  /** (default: the runtime's own) */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** (default: the runtime's own) */
  readonly WebSocket?: typeof globalThis.WebSocket | undefined;
  /** How files of the machine the client runs on are read and written, where there are some */
  readonly hostFiles?: HostFiles | undefined;
  /** How ports of that machine are listened at */
  readonly hostPorts?: HostPorts | undefined;
}

/** Fields of an object that are not `undefined` in every case, and so have to be given. */
type Given<T> = { [K in keyof T as T[K] extends undefined ? never : K]: T[K] };

/** One call: the operation's own input, and how it is made. */
export type CallInput<K extends RouteKey> = Given<RouteInput<K>> & {
  readonly signal?: AbortSignal | undefined;
  /** Time until the answer begins, in ms; `0` is no limit */
  readonly timeoutMs?: number | undefined;
  /** Bytes to send instead of JSON */
  readonly bytes?: BodyInit | undefined;
  readonly accept?: string | undefined;
  /** What `bytes` are (default: `application/octet-stream`) */
  readonly contentType?: string | undefined;
  /** Makes the call one that can be repeated without being done twice */
  readonly idempotencyKey?: string | undefined;
};

interface AnyInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly bytes?: BodyInit | undefined;
  readonly accept?: string | undefined;
  readonly contentType?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** Makes the API's calls. */
export class Transport {
  /** The server's address, without a slash at its end */
  readonly url: string;
  readonly options: ClientOptions;

  constructor(url: string, options: ClientOptions = {}) {
    this.url = url.replace(/\/+$/, "");
    this.options = options;
  }

  /** Makes a call and reads its JSON. @throws {BandSoxError} what the server says, `server_…`, `interrupted` */
  async call<K extends RouteKey>(key: K, input: CallInput<K>): Promise<RouteResult<K>> {
    const response = await this.open(key, input);
    try {
      return (await response.json()) as RouteResult<K>;
    } catch (error) {
      if (input.signal?.aborted) throw interrupted(key, error);
      throw error instanceof SyntaxError
        ? invalidAnswer(response.url, "no JSON")
        : unreachable(response.url, error);
    }
  }

  /** Makes a call and returns once its answer begins. @throws {BandSoxError} as `call` */
  async open<K extends RouteKey>(key: K, input: CallInput<K>): Promise<Response> {
    const { url, init } = this.#request(key, input as AnyInput);
    const { signal, timeoutMs = this.options.timeoutMs ?? TIMEOUT_MS } = input;
    using limit = limited(signal, timeoutMs);
    const fetch = this.options.fetch ?? globalThis.fetch;
    let response: Response;
    try {
      response = await fetch(url, { ...init, signal: limit.signal });
    } catch (error) {
      if (signal?.aborted) throw interrupted(key, error);
      throw limit.isLate() ? tooLate(url, timeoutMs) : unreachable(this.url, error);
    }
    if (response.ok) return response;
    throw await failureOf(response);
  }

  /** The headers of every request, those that say who calls among them. */
  headers(): Record<string, string> {
    const { apiKey, headers } = this.options;
    return { ...headers, ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
  }

  #request(
    key: string,
    { params = {}, query = {}, body, bytes, accept, contentType, idempotencyKey }: AnyInput,
  ) {
    const [method = "GET", path = "/"] = key.split(" ");
    const at = path.replace(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) search.set(name, String(value));
    }
    const headers: Record<string, string> = { accept: accept ?? "application/json", ...this.headers() };
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    if (bytes !== undefined) headers["content-type"] = contentType ?? "application/octet-stream";
    else if (body !== undefined) headers["content-type"] = "application/json";
    const sent = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
    const init: RequestInit & { duplex?: "half" } = { method, headers, credentials: "include" };
    if (sent !== undefined) init.body = sent;
    if (sent instanceof ReadableStream) init.duplex = "half";
    return { url: `${this.url}${at}${search.size > 0 ? `?${search}` : ""}`, init };
  }
}

/** A signal that fires with the caller's, or late. Disposed of, it is never late. */
function limited(signal: AbortSignal | undefined, timeoutMs: number) {
  const late = new AbortController();
  const timer = timeoutMs > 0 ? setTimeout(() => late.abort(), timeoutMs) : undefined;
  return {
    signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    isLate: () => late.signal.aborted,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** What a refused request was refused with. */
async function failureOf(response: Response): Promise<BandSoxError> {
  const text = await response.text().catch(() => "");
  try {
    const problem: unknown = JSON.parse(text);
    if (isProblem(problem)) return fromProblem(problem);
  } catch {
    // Told below: it is no problem document.
  }
  return invalidAnswer(response.url, `${response.status} ${response.statusText}`.trim());
}
