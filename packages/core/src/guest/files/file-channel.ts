import { Readable } from "node:stream";
import { type BandSoxError, isAnyBandSoxError, type VmId } from "@bandsox/contract";
import type { Dispatcher } from "undici";
import { z } from "zod";
import { FrameError } from "../frames.ts";
import type { GuestClient } from "../guest-client.ts";
import type { GuestRequest, Limit } from "../guest-request.ts";
import { ChecksumError, parseJson, readData } from "./data-frames.ts";
import { type FileTask, fileError, guestFileError } from "./file-errors.ts";
import { Patience, STALL_MS } from "./patience.ts";

/** The most one JSON answer may have (PROTOCOL.md §3) */
const JSON_MAX_BYTES = 4 * 1024 * 1024;
/** Read and framed while the connection is busy with what came before */
export const SENT_AHEAD_BYTES = 2 * 1024 * 1024;
const FRAMES = { "content-type": "application/vnd.bandsox.frames" };

export interface FileChannelOptions {
  readonly vmId: VmId;
  /** Reaches the guest anew. @throws {BandSoxError} when the VM is not running */
  connect(): Promise<GuestClient>;
  /** Takes part in the work on the storage while a call runs: its signal fires when the storage is closed, too */
  attach?(signal?: AbortSignal): Disposable & { readonly signal: AbortSignal };
  /** How long the guest may keep a call waiting, in ms (default: `60000`) */
  readonly stallMs?: number;
}

/** A call of §7: the words for its errors, the request, and how long it may take. */
export interface FileCall {
  readonly task: Omit<FileTask, "vmId">;
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly url: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Spans of `stallMs` the answer may take to begin (default: `1`) */
  readonly spans?: number;
}

/** Parameters of a URL; what is `undefined` is left out, a list is repeated. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** An answer whose body is data frames. */
export interface DataAnswer {
  readonly header: (name: string) => string | undefined;
  /**
   * The verified data. Leaving early ends the call.
   *
   * @param limitBytes more than that breaks the protocol
   * @param start see `readData`
   */
  data(
    limitBytes: number,
    start?: Parameters<typeof readData>[2],
  ): AsyncGenerator<Uint8Array, void, undefined>;
}

/** Carries calls of the files API to one guest; every answer is bounded in size and time, and parsed. */
export class FileChannel {
  readonly vmId: VmId;
  readonly #connect: () => Promise<GuestClient>;
  readonly #attach: NonNullable<FileChannelOptions["attach"]>;
  readonly #stallMs: number;

  constructor({ vmId, connect, attach = alone, stallMs = STALL_MS }: FileChannelOptions) {
    this.vmId = vmId;
    this.#connect = connect;
    this.#attach = attach;
    this.#stallMs = stallMs;
  }

  /** A call with a JSON body, if any, and a JSON answer. */
  async json<T>(call: FileCall, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const text = body === undefined ? null : JSON.stringify(body);
    return this.#answer(call, schema, (patience) => {
      patience.wait(call.spans);
      return { headers, body: text };
    });
  }

  /** Sends frames; the answer is JSON. */
  async send<T>(call: FileCall, schema: z.ZodType<T>, frames: AsyncIterable<Uint8Array>): Promise<T> {
    const failure: { error?: unknown } = {};
    const kept = keepingError(frames, failure);
    try {
      return await this.#answer(call, schema, (patience) => ({
        headers: FRAMES,
        body: Readable.from(patience.sending(kept), {
          objectMode: false,
          highWaterMark: SENT_AHEAD_BYTES,
        }),
      }));
    } catch (error) {
      throw failure.error ?? error;
    }
  }

  /** Opens an answer of frames and lends it to `use`; the call ends with it. */
  async *receive<T>(
    call: FileCall,
    use: (answer: DataAnswer) => AsyncIterable<T>,
    body?: unknown,
  ): AsyncGenerator<T, void, undefined> {
    const task = { vmId: this.vmId, ...call.task };
    using attached = this.#attach(call.signal);
    await using guest = await this.#connect();
    using patience = new Patience(this.#stallMs, attached.signal);
    patience.wait(call.spans);
    const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await this.#open(guest, call, body === undefined ? {} : json, patience);
    try {
      yield* use({
        header: (name) => headerOf(response, name),
        data: (limitBytes, start) => readData(patience.receiving(response.body), limitBytes, start),
      });
    } catch (error) {
      throw explain(error, task, guest, patience);
    } finally {
      response.body.on("error", () => {}).destroy();
    }
  }

  /** Opens an endless answer; nothing limits how long the guest is silent in it. */
  async *follow(call: FileCall): AsyncGenerator<Uint8Array, void, undefined> {
    using attached = this.#attach(call.signal);
    await using guest = await this.#connect();
    using patience = new Patience(this.#stallMs, attached.signal);
    patience.wait();
    const response = await this.#open(guest, call, {}, patience);
    patience.rest();
    try {
      for await (const chunk of response.body) yield chunk as Uint8Array;
    } catch (error) {
      throw guest.explain(error, patience);
    } finally {
      response.body.on("error", () => {}).destroy();
    }
  }

  async #answer<T>(
    call: FileCall,
    schema: z.ZodType<T>,
    prepare: (patience: Patience) => Pick<GuestRequest, "body"> & { headers: FileCall["headers"] },
  ): Promise<T> {
    const task = { vmId: this.vmId, ...call.task };
    using attached = this.#attach(call.signal);
    await using guest = await this.#connect();
    using patience = new Patience(this.#stallMs, attached.signal);
    const response = await this.#open(guest, call, prepare(patience), patience);
    try {
      patience.wait();
      const answer = schema.safeParse(parseJson(await readAll(response.body)));
      if (answer.success) return answer.data;
      const field = answer.error.issues[0]?.path.join(".") || "all of it";
      throw new FrameError(`its answer to ${call.url} has ${field} wrong`);
    } catch (error) {
      throw explain(error, task, guest, patience);
    }
  }

  /** @throws {BandSoxError} the guest's refusal */
  async #open(
    guest: GuestClient,
    { method, url, query, task, headers }: FileCall,
    rest: Pick<GuestRequest, "body"> & { headers?: FileCall["headers"] },
    limit: Limit,
  ): Promise<Dispatcher.ResponseData> {
    const path = `${url}${queryString(query ?? {})}`;
    const request = { method, path, ...rest, headers: { ...headers, ...rest.headers } };
    const response = await guest.open(request, limit);
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    const text = await readAll(response.body).catch(() => Buffer.alloc(0));
    const problem = Problem.safeParse(parseJson(text)).data;
    const message = printable(problem?.message ?? "it does not say why");
    const known = problem && guestFileError({ vmId: this.vmId, ...task }, { code: problem.code, message });
    throw (
      known ??
      guest.explain(new FrameError(`it refused ${url} with ${response.statusCode}: ${message}`), limit)
    );
  }
}

/** Part of no storage's work. */
function alone(signal: AbortSignal = new AbortController().signal) {
  return { signal, [Symbol.dispose]: () => {} };
}

const Problem = z.object({ code: z.string().max(100), message: z.string() });

function explain(error: unknown, task: FileTask, guest: GuestClient, limit: Limit): BandSoxError {
  if (error instanceof ChecksumError) return fileError("file_checksum_mismatch", task, error.message, error);
  return guest.explain(error, limit);
}

/** An error of the source itself would reach us as the connection's; it is kept to be told as what it is. */
async function* keepingError<T>(
  source: AsyncIterable<T>,
  failure: { error?: unknown },
): AsyncGenerator<T, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    failure.error = error;
    throw error;
  }
}

function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  return parameters.size === 0 ? "" : `?${parameters}`;
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > JSON_MAX_BYTES) throw new FrameError(`an answer has more than ${JSON_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function printable(text: string): string {
  return text.slice(0, 1000).replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ");
}

/** Whether the same call may work over a new connection. */
export function isBroken(error: unknown): boolean {
  return isAnyBandSoxError(error) && error.code === "guest_unreachable";
}
