import { BandSoxError, type ExecEvent, type ExecSpec, isAnyBandSoxError, type VmId } from "@bandsox/contract";
import type { Dispatcher } from "undici";
import { z } from "zod";
import { CallLimit } from "./call-limit.ts";
import { EXEC_ID_HEADER, type ExecConnection, execLine } from "./exec-line.ts";
import { receiptBytes } from "./exec-receipts.ts";
import { execRefusals } from "./exec-refusals.ts";
import { guestOutdated, type Refusals, UNKNOWN_CALL_CODES } from "./failure.ts";
import { FrameError, readFrames } from "./frames.ts";
import { type AgentLease, type GuestEndpoint, leaseAgent } from "./guest-connections.ts";
import { type GuestRequest, type Limit, sendRequest } from "./guest-request.ts";
import { parseJson } from "./parse-json.ts";

const CALL_TIMEOUT_MS = 60_000;
/** What a guest gets beyond an exec's own timeout to kill the command and say so; an emulated one is slow */
const EXEC_SLACK_MS = 30_000;
const ANSWER_MAX_BYTES = 65_536;
/** The protocol this client speaks; an agent of another is refused, not mis-spoken to. */
export const PROTOCOL_VERSION = 1;

const Hello = z.object({
  protocol: z.int(),
  agentVersion: z.string().max(100),
  /** What the agent can do beyond the first version; unknown ones are of a newer agent and mean nothing here */
  capabilities: z.array(z.string().max(100)).max(100).default([]),
  machine: z.enum(["bare", "ready"]),
  kernel: z.string().max(200),
  agentStartMs: z.number(),
  agentReadyMs: z.number(),
});
export type Hello = z.infer<typeof Hello>;

/** A guest's place in its network. */
export interface GuestNetwork {
  readonly mac: string;
  readonly mtu: number;
  /** Absent: the guest asks for it */
  readonly gatewayMac?: string;
  readonly ipv4: { readonly address: string; readonly gateway: string };
  readonly ipv6?: { readonly address: string; readonly gateway: string };
  readonly nameservers: readonly string[];
}

/** What turns a booted kernel into the user's VM. */
export interface MachineConfig {
  readonly hostname: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: string;
  readonly baseDevice: string;
  readonly layerDevice: string;
  /** Absent: loopback only */
  readonly network?: GuestNetwork | undefined;
  /** Host time, ms since 1970 */
  readonly epochMs: number;
  /** Random bytes for the guest's kernel, base64 */
  readonly entropy: string;
}

/** What a guest has to be told after it stood still. */
export interface RefreshedIdentity extends Pick<MachineConfig, "epochMs" | "entropy"> {
  /** For one that goes on from a save of another VM */
  readonly clone?: Pick<MachineConfig, "hostname" | "env"> & { readonly restoreId: string };
}

export interface GuestClientOptions extends GuestEndpoint {
  /** The longest any call but an exec may take, in ms (default: `60000`) */
  readonly callTimeoutMs?: number | undefined;
  /** Time beyond an exec's `timeoutMs` after which the guest, not the command, is at fault, in ms (default: `30000`) */
  readonly execSlackMs?: number | undefined;
}

/** Talks HTTP to the agent in one guest, and believes nothing it says without a bound and a schema. */
export class GuestClient implements AsyncDisposable {
  readonly #vmId: VmId;
  readonly #endpoint: GuestEndpoint;
  readonly #lease: AgentLease;
  readonly #callTimeoutMs: number;
  readonly #execSlackMs: number;

  constructor(options: GuestClientOptions) {
    this.#vmId = options.vmId;
    this.#endpoint = options;
    this.#callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
    this.#execSlackMs = options.execSlackMs ?? EXEC_SLACK_MS;
    this.#lease = leaseAgent(options);
  }

  /** @throws {BandSoxError} `guest_outdated` when the agent speaks another version of the protocol */
  async hello(signal?: AbortSignal): Promise<Hello> {
    const hello = Hello.safeParse(await this.#call("GET", "/v1/hello", undefined, signal));
    if (!hello.success) throw this.#broken(`its hello has ${hello.error.issues[0]?.path.join(".")} wrong`);
    if (hello.data.protocol !== PROTOCOL_VERSION) {
      const versions = `it speaks protocol ${hello.data.protocol}, this program ${PROTOCOL_VERSION}`;
      throw guestOutdated(this.#vmId, versions);
    }
    return hello.data;
  }

  /** Mounts the disks and gives the guest its identity. Once in a VM's life between boots. */
  async configureMachine(config: MachineConfig, signal?: AbortSignal): Promise<void> {
    await this.#call("PUT", "/v1/machine", config, signal);
  }

  /** Tells a guest that stood still the time, and one that is another machine now who it is. */
  async refreshIdentity(identity: RefreshedIdentity, signal?: AbortSignal): Promise<void> {
    await this.#call("POST", "/v1/identity", identity, signal);
  }

  /** Moves the guest's clock. @returns what it says then, in ms since 1970 */
  async shiftClock(shiftMs: number, signal?: AbortSignal): Promise<number> {
    const clock = Clock.safeParse(await this.#call("POST", "/v1/clock", { shiftMs }, signal));
    if (!clock.success) throw this.#broken("it does not tell what its clock says");
    return clock.data.epochMs;
  }

  /**
   * Has the guest finish what would go on in its background: for a machine that others are to go on from.
   *
   * @throws {BandSoxError} `guest_outdated` from an agent that settles no bare machine: it has nothing to finish in one
   */
  async settle(signal?: AbortSignal): Promise<void> {
    const outdated = () => guestOutdated(this.#vmId, "it settles no machine without disks");
    await this.#call("POST", "/v1/settle", {}, signal, { machine_bare: outdated });
  }

  /** Asks the guest to end itself: processes get `graceMs` after SIGTERM, then disks are synced and unmounted. */
  async powerOff(graceMs: number, signal?: AbortSignal): Promise<void> {
    await this.#call("POST", "/v1/power-off", { graceMs }, signal);
  }

  /**
   * Starts a command and yields what it does as it does it; the last event is `exit`. Leaving the iteration
   * early, or `signal`, kills the command's process group.
   *
   * @throws {BandSoxError} `exec_not_started`, `exec_busy`, `exec_failed`, `guest_unreachable`, `guest_protocol`, `interrupted`
   */
  async *exec(spec: ExecSpec, signal?: AbortSignal): AsyncGenerator<ExecEvent, void, undefined> {
    const { timeoutMs } = spec;
    using limit = new CallLimit(signal, timeoutMs === undefined ? undefined : timeoutMs + this.#execSlackMs);
    const start = (id: string) => this.#startExec(spec, { id, limit });
    yield* execLine({ endpoint: this.#endpoint, limit, start });
  }

  async #startExec(spec: ExecSpec, { id, limit }: { id: string; limit: CallLimit }): Promise<ExecConnection> {
    const path = "/v1/exec";
    const headers = { "content-type": "application/json", [EXEC_ID_HEADER]: id };
    const response = await this.open({ method: "POST", path, body: JSON.stringify(spec), headers }, limit);
    if (response.statusCode !== 200) {
      throw await this.#refusal(response, { path, limit, refusals: execRefusals(this.#vmId, spec.argv) });
    }
    return {
      isKept: response.headers[EXEC_ID_HEADER] === id,
      receiptBytes: receiptBytes(response.headers),
      frames: () => readFrames(response.body),
      [Symbol.dispose]: () => void response.body.destroy(),
    };
  }

  /**
   * Sends a request as it is and hands over the answer whatever it says; bounding and parsing it is the caller's. It is
   * sent again when a kept connection turns out to have ended, if that repeats nothing.
   */
  async open(request: GuestRequest, limit: Limit): Promise<Dispatcher.ResponseData> {
    try {
      return await sendRequest(this.#lease, request, limit);
    } catch (error) {
      throw this.#explain(error, limit);
    }
  }

  /** What an error met while talking to the guest means; `limit` is the one the request was given. */
  explain(error: unknown, limit: Limit): BandSoxError {
    return this.#explain(error, limit);
  }

  /** Lets go of the guest: connections of its own end, what is under way included; shared ones are given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease[Symbol.asyncDispose]();
  }

  async #call(
    method: Method,
    path: string,
    body: unknown,
    signal?: AbortSignal,
    refusals: Refusals = {},
  ): Promise<unknown> {
    using limit = new CallLimit(signal, this.#callTimeoutMs);
    const response = await this.#request(method, path, body, limit);
    if (response.statusCode >= 300) throw await this.#refusal(response, { path, limit, refusals });
    try {
      const text = await readText(response.body);
      return text === "" ? undefined : JSON.parse(text);
    } catch (error) {
      throw this.#explain(error, limit);
    }
  }

  #request(method: Method, path: string, body: unknown, limit: CallLimit) {
    const json = { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    return this.open({ method, path, ...(body === undefined ? {} : json) }, limit);
  }

  async #refusal(
    response: Dispatcher.ResponseData,
    { path, refusals = {}, limit }: Refused,
  ): Promise<BandSoxError> {
    const text = await readText(response.body).catch(() => "");
    if (limit.signal.aborted) return this.#explain(limit.signal.reason, limit);
    const problem = Problem.safeParse(parseJson(text)).data;
    if (!problem) return this.#broken(`it answered ${response.statusCode} to ${path} without saying why`);
    if (UNKNOWN_CALL_CODES.has(problem.code)) return guestOutdated(this.#vmId, `it has no ${path}`);
    const message = printable(problem.message);
    if (response.statusCode === 413) {
      const details = { field: path === "/v1/exec" ? "exec" : "VM", found: "too large" };
      return new BandSoxError(
        "invalid_argument",
        `${this.#vmId} cannot take so much at once: ${message}`,
        details,
      );
    }
    const known = Object.hasOwn(refusals, problem.code) ? refusals[problem.code] : undefined;
    return known?.(message) ?? this.#broken(`it refused ${path}: ${message}`);
  }

  #explain(error: unknown, limit: Limit): BandSoxError {
    if (isAnyBandSoxError(error)) return error;
    if (limit.signal.aborted && !limit.isLate)
      return new BandSoxError("interrupted", `interrupted while talking to ${this.#vmId}`, {});
    if (error instanceof FrameError || error instanceof SyntaxError || error instanceof AnswerTooLarge) {
      return this.#broken(error.message, error);
    }
    const why = limit.isLate ? "it did not answer in time" : messageOf(error);
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

type Method = "GET" | "PUT" | "POST";

/** What the guest refused. */
interface Refused {
  readonly path: string;
  readonly refusals?: Refusals;
  readonly limit: CallLimit;
}

const Clock = z.object({ epochMs: z.number() });

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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function printable(text: string): string {
  return text.slice(0, 1000).replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ");
}
