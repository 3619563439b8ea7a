import {
  BandSoxError,
  type ExecEvent,
  ExecExit,
  type ExecSpec,
  isAnyBandSoxError,
  type VmId,
} from "@bandsox/contract";
import { Agent, type Dispatcher } from "undici";
import { z } from "zod";
import { dialAgent } from "./dial.ts";
import { FRAME_KINDS, FrameError, readFrames } from "./frames.ts";

const CALL_TIMEOUT_MS = 60_000;
const ANSWER_MAX_BYTES = 65_536;
const MAX_CONNECTIONS = 128;
/** The protocol this client speaks; an agent of another is refused, not mis-spoken to. */
export const PROTOCOL_VERSION = 1;

const Hello = z.object({
  protocol: z.int(),
  agentVersion: z.string().max(100),
  machine: z.enum(["bare", "ready"]),
  kernel: z.string().max(200),
  agentStartMs: z.number(),
  agentReadyMs: z.number(),
});
export type Hello = z.infer<typeof Hello>;

/** What turns a booted kernel into the user's VM. */
export interface MachineConfig {
  readonly hostname: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: string;
  readonly baseDevice: string;
  readonly layerDevice: string;
  /** Host time, ms since 1970 */
  readonly epochMs: number;
  /** Random bytes for the guest's kernel, base64 */
  readonly entropy: string;
}

export interface GuestClientOptions {
  readonly vmId: VmId;
  readonly socketPath: string;
}

/** A request for `GuestClient.open`. */
export type GuestRequest = Pick<Dispatcher.RequestOptions, "method" | "path" | "headers" | "body">;

/** Talks HTTP to the agent in one guest, and believes nothing it says without a bound and a schema. */
export class GuestClient implements AsyncDisposable {
  readonly #vmId: VmId;
  readonly #agent: Agent;

  constructor({ vmId, socketPath }: GuestClientOptions) {
    this.#vmId = vmId;
    this.#agent = new Agent({
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, callback) => {
        dialAgent({ vmId, socketPath }).then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        );
      },
    });
  }

  /** @throws {BandSoxError} `guest_protocol` when the agent speaks another version */
  async hello(signal?: AbortSignal): Promise<Hello> {
    const hello = Hello.safeParse(await this.#call("GET", "/v1/hello", undefined, signal));
    if (!hello.success) throw this.#broken(`its hello has ${hello.error.issues[0]?.path.join(".")} wrong`);
    if (hello.data.protocol !== PROTOCOL_VERSION) {
      throw this.#broken(`it speaks protocol ${hello.data.protocol}, this program ${PROTOCOL_VERSION}`);
    }
    return hello.data;
  }

  /** Mounts the disks and gives the guest its identity. Once in a VM's life between boots. */
  async configureMachine(config: MachineConfig, signal?: AbortSignal): Promise<void> {
    await this.#call("PUT", "/v1/machine", config, signal);
  }

  /** Asks the guest to end itself: processes get `graceMs` after SIGTERM, then disks are synced and unmounted. */
  async powerOff(graceMs: number, signal?: AbortSignal): Promise<void> {
    await this.#call("POST", "/v1/power-off", { graceMs }, signal);
  }

  /**
   * Starts a command and yields what it does as it does it; the last event is `exit`. Leaving the iteration
   * early, or `signal`, kills the command's process group.
   *
   * @throws {BandSoxError} `exec_not_started`, `guest_unreachable`, `guest_protocol`, `interrupted`
   */
  async *exec(spec: ExecSpec, signal?: AbortSignal): AsyncGenerator<ExecEvent, void, undefined> {
    const response = await this.#request("POST", "/v1/exec", spec, signal);
    if (response.statusCode !== 200) throw await this.#refusal(response, "/v1/exec", spec.argv.join(" "));
    try {
      for await (const frame of readFrames(response.body)) {
        if (frame.kind === FRAME_KINDS.stdout) yield { type: "stdout", data: frame.data };
        if (frame.kind === FRAME_KINDS.stderr) yield { type: "stderr", data: frame.data };
        if (frame.kind !== FRAME_KINDS.exit) continue;
        yield { type: "exit", ...parseExit(frame.data) };
        return;
      }
    } catch (error) {
      throw this.#explain(error, signal);
    } finally {
      response.body.destroy();
    }
    throw new BandSoxError("guest_unreachable", `${this.#vmId} ended before the command did`, {
      vmId: this.#vmId,
    });
  }

  /** Sends a request as it is and hands over the answer whatever it says; bounding and parsing it is the caller's. */
  async open(request: GuestRequest, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#agent.request({ origin: "http://guest", ...request, ...(signal ? { signal } : {}) });
    } catch (error) {
      throw this.#explain(error, signal);
    }
  }

  /** What an error met while talking to the guest means; `signal` is the one the request was given. */
  explain(error: unknown, signal?: AbortSignal): BandSoxError {
    return this.#explain(error, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #call(
    method: "GET" | "PUT" | "POST",
    path: string,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const limit = AbortSignal.any([AbortSignal.timeout(CALL_TIMEOUT_MS), ...(signal ? [signal] : [])]);
    const response = await this.#request(method, path, body, limit);
    if (response.statusCode >= 300) throw await this.#refusal(response, path, path);
    try {
      const text = await readText(response.body);
      return text === "" ? undefined : JSON.parse(text);
    } catch (error) {
      throw this.#explain(error, limit);
    }
  }

  async #request(method: "GET" | "PUT" | "POST", path: string, body: unknown, signal?: AbortSignal) {
    try {
      return await this.#agent.request({
        origin: "http://guest",
        path,
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      throw this.#explain(error, signal);
    }
  }

  async #refusal(response: Dispatcher.ResponseData, path: string, command: string): Promise<BandSoxError> {
    const text = await readText(response.body).catch(() => "");
    const problem = Problem.safeParse(parseJson(text)).data;
    if (!problem) return this.#broken(`it answered ${response.statusCode} to ${path} without saying why`);
    const message = printable(problem.message);
    if (path === "/v1/exec" && response.statusCode === 422) {
      const details = { vmId: this.#vmId, command: command.slice(0, 1000) };
      return new BandSoxError(
        "exec_not_started",
        `cannot run the command in ${this.#vmId}: ${message}`,
        details,
      );
    }
    return this.#broken(`it refused ${path}: ${message}`);
  }

  #explain(error: unknown, signal?: AbortSignal): BandSoxError {
    if (isAnyBandSoxError(error)) return error;
    const timedOut = signal?.reason instanceof DOMException && signal.reason.name === "TimeoutError";
    if (signal?.aborted && !timedOut)
      return new BandSoxError("interrupted", `interrupted while talking to ${this.#vmId}`, {});
    if (error instanceof FrameError || error instanceof SyntaxError || error instanceof AnswerTooLarge) {
      return this.#broken(error.message, error);
    }
    const why = timedOut ? "it did not answer in time" : messageOf(error);
    return new BandSoxError(
      "guest_unreachable",
      `cannot reach the agent in ${this.#vmId}: ${why}`,
      { vmId: this.#vmId },
      { cause: error },
    );
  }

  #broken(why: string, cause?: unknown): BandSoxError {
    const message = `the agent in ${this.#vmId} broke the protocol: ${why}`;
    return new BandSoxError("guest_protocol", message, { vmId: this.#vmId }, { cause });
  }
}

const Problem = z.object({ code: z.string(), message: z.string() });

class AnswerTooLarge extends Error {}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > ANSWER_MAX_BYTES)
      throw new AnswerTooLarge(`an answer has more than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseExit(data: Uint8Array): ExecExit {
  const exit = ExecExit.safeParse(parseJson(Buffer.from(data).toString("utf8")));
  if (!exit.success) throw new FrameError("the exit frame is not what it should be");
  return exit.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON is as wrong as the wrong JSON; the caller's schema refuses both
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function printable(text: string): string {
  return text.slice(0, 1000).replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ");
}
