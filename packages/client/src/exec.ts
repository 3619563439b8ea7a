import type { ExecEvent, ExecExit, ExecResult } from "@bandsox/contract";
import type { Problem, RouteInput } from "@bandsox/contract/api";
import { API_FRAMES, decodeFrames, fromWire, type Wire } from "@bandsox/contract/wire";
import { fromProblem, interrupted, invalidAnswer, unreachable } from "./error.ts";
import type { Transport } from "./transport.ts";

const CAPTURE_LIMIT_BYTES = 16 * 1024 * 1024;
const FRAMES = "application/vnd.bandsox.frames";

/** Text for `/bin/sh -c`, or a program and its arguments. */
export type Command = string | readonly string[];

/** How to run a command. */
export interface ExecOptions {
  /** Working directory in the guest (default: the image's) */
  cwd?: string | undefined;
  /** Variables added to the image's and the VM's */
  env?: Record<string, string> | undefined;
  /** `user`, `uid`, `user:group` or `uid:gid` (default: the image's) */
  user?: string | undefined;
  /** Time after which the command is killed, in ms (default: no limit) */
  timeoutMs?: number | undefined;
  /** What the command reads (default: nothing); a stream that is not read to its end is given up */
  stdin?:
    | string
    | Uint8Array
    | AsyncIterable<string | Uint8Array>
    | Iterable<string | Uint8Array>
    | undefined;
  /** What a result keeps of each stream, in bytes (default: 16 MiB) */
  maxOutputBytes?: number | undefined;
  /** Kills the command's process group when it fires; the call then rejects with `interrupted` */
  signal?: AbortSignal | undefined;
}

/** A command on its way to the server. */
export interface ExecCall {
  readonly vm: string;
  readonly command: Command;
  readonly options: ExecOptions;
}

/** Runs a command to its end. */
export async function runExec(transport: Transport, call: ExecCall): Promise<ExecResult> {
  const { signal } = call.options;
  const answer = await transport.call("POST /api/vms/:id/exec", { ...inputOf(call), signal, timeoutMs: 0 });
  return fromWire<ExecResult>(answer as Wire<ExecResult>);
}

/** Runs a command and brings its events as they come; leaving the iteration kills it. */
export function streamExec(transport: Transport, call: ExecCall): AsyncGenerator<ExecEvent, void, undefined> {
  return streamEvents((how) => transport.open("POST /api/vms/:id/exec", { ...inputOf(call), ...how }), {
    what: "the command",
    signal: call.options.signal,
  });
}

/** How a stream of events is asked for. */
interface StreamAsked {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly accept: string;
}

/** Brings the events of an answer in frames as they come; leaving the iteration ends the request. */
export async function* streamEvents<E extends { readonly type: string } = ExecEvent>(
  open: (asked: StreamAsked) => Promise<Response>,
  { what, signal }: { what: string; signal?: AbortSignal | undefined },
): AsyncGenerator<E, void, undefined> {
  const left = new AbortController();
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  try {
    yield* eventsOf<E>(await open({ signal: either, timeoutMs: 0, accept: FRAMES }));
  } catch (error) {
    throw signal?.aborted ? interrupted(what, error) : error;
  } finally {
    left.abort();
  }
}

async function* eventsOf<E>({ body, url }: Response): AsyncGenerator<E, void, undefined> {
  if (!body) throw invalidAnswer(url, "without a body");
  for await (const { kind, data } of framesOf(body, url)) {
    if (kind === API_FRAMES.stdout) yield { type: "stdout", data } as E;
    else if (kind === API_FRAMES.stderr) yield { type: "stderr", data } as E;
    else if (kind === API_FRAMES.error) throw fromProblem(frameJson<Problem>(data));
    else if (kind === API_FRAMES.exit) {
      yield { type: "exit", ...fromWire<ExecExit>(frameJson(data)) } as E;
      return;
    }
  }
  throw unreachable(url, "the answer ended before the command did");
}

async function* framesOf(body: ReadableStream<Uint8Array>, url: string) {
  try {
    yield* decodeFrames(body);
  } catch (error) {
    throw error instanceof RangeError ? invalidAnswer(url, error.message) : unreachable(url, error);
  }
}

/** Whether what a command reads is there before it starts, so that it can be sent along. */
export function isWhole(stdin: ExecOptions["stdin"]): stdin is string | Uint8Array | undefined {
  return stdin === undefined || typeof stdin === "string" || stdin instanceof Uint8Array;
}

/** What a frame of JSON says. */
export function frameJson<T>(data: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(data)) as T;
}

function inputOf({
  vm,
  command,
  options,
}: ExecCall): Pick<RouteInput<"POST /api/vms/:id/exec">, "params" | "body"> {
  const { cwd, env, user, timeoutMs = 0, stdin, maxOutputBytes = CAPTURE_LIMIT_BYTES } = options;
  const how = { cwd, env, user, timeout_ms: timeoutMs, max_output_bytes: maxOutputBytes };
  const text = typeof command === "string" ? command : [...command];
  const bytes =
    typeof stdin === "string" ? new TextEncoder().encode(stdin) : (stdin as Uint8Array | undefined);
  return { params: { id: vm }, body: { command: text, ...how, stdin: bytes && toBase64(bytes) } };
}

const BASE64_STEP_BYTES = 0x8000;

/** Bytes as base64. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += BASE64_STEP_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + BASE64_STEP_BYTES));
  }
  return btoa(binary);
}
