import { BandSoxError } from "@bandsox/contract";
import { Client } from "undici";
import { type ReachableSocket, reachableSocket } from "../../../host/socket-path.ts";
import { type ApiRequest, addressOf } from "./requests.ts";
import { Fault } from "./schemas.ts";

/** The longest is the loading of a machine whose memory's file is on a slow disk. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Longer than a machine takes to be made: one connection does for all of it. */
const KEEP_ALIVE_MS = 60_000;
const ANSWER_MAX_BYTES = 65_536;
/** How much of an answer that is no fault is shown */
const SHOWN_CHARACTERS = 200;

export interface ApiClientOptions {
  readonly socketPath: string;
  readonly signal?: AbortSignal | undefined;
  /** Time one answer may take, in ms (default: `30000`) */
  readonly timeoutMs?: number;
}

/**
 * The API of one Firecracker on its socket: one connection, one request at a time. Whoever starts a machine has it until
 * the guest answers; from then on it is the supervisor's.
 */
export class ApiClient implements AsyncDisposable {
  readonly #client: Client;
  readonly #socket: ReachableSocket;
  readonly #signal: AbortSignal | undefined;

  private constructor(socket: ReachableSocket, { signal, timeoutMs = ANSWER_TIMEOUT_MS }: ApiClientOptions) {
    this.#socket = socket;
    this.#signal = signal;
    this.#client = new Client("http://localhost", {
      socketPath: socket.path,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
  }

  /** Nothing is connected before the first request. */
  static async open(options: ApiClientOptions): Promise<ApiClient> {
    return new ApiClient(await reachableSocket(options.socketPath), options);
  }

  /**
   * Sends a request and waits until it is carried out.
   *
   * @throws {BandSoxError} `vmm_refused` with Firecracker's own words, or with how it failed to answer; `interrupted`
   */
  async send(request: ApiRequest): Promise<void> {
    const { method, path } = addressOf(request);
    const { statusCode, text } = await this.#exchange(method, path, JSON.stringify(request.body));
    if (statusCode >= 200 && statusCode < 300) return;
    throw refused(`${method} ${path}`, faultOf(text), statusCode);
  }

  async #exchange(method: "PUT" | "PATCH", path: string, body: string) {
    try {
      const { statusCode, body: answer } = await this.#client.request({
        ...{ method, path, body },
        headers: { "content-type": "application/json", accept: "application/json" },
        ...(this.#signal ? { signal: this.#signal } : {}),
      });
      return { statusCode, text: await readBounded(answer) };
    } catch (error) {
      if (this.#signal?.aborted)
        throw new BandSoxError("interrupted", `interrupted during ${method} ${path}`, {}, { cause: error });
      const why = error instanceof Error ? error.message : String(error);
      throw refused(`${method} ${path}`, `it did not answer: ${why}`, undefined, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.destroy();
    await this.#socket[Symbol.asyncDispose]();
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function faultOf(text: string): string {
  try {
    const fault = Fault.safeParse(JSON.parse(text)).data?.fault_message;
    if (fault !== undefined) return fault;
  } catch {
    // shown as it is
  }
  return text.slice(0, SHOWN_CHARACTERS);
}

function refused(request: string, fault: string, status?: number, cause?: unknown): BandSoxError {
  const details = { request, fault, ...(status === undefined ? {} : { status }) };
  return new BandSoxError("vmm_refused", `Firecracker refused ${request}: ${fault}`, details, { cause });
}
