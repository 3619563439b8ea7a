import type { z } from "zod";
import { CallLimit } from "./call-limit.ts";
import type { GuestRequest } from "./exchange.ts";
import { AnswerError, explainFailure, explainRefusal, type Refusals } from "./failure.ts";
import { type GuestEndpoint, leaseAgent } from "./guest-connections.ts";
import { sendRequest } from "./guest-request.ts";
import { parseJson } from "./parse-json.ts";

const CALL_TIMEOUT_MS = 60_000;
const REFUSAL_MAX_BYTES = 65_536;
/** The longest body PROTOCOL.md allows an answer */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

export interface GuestCall extends Omit<GuestRequest, "upgrade"> {
  /** Time the whole call may take, in ms (default: `60000`); `Infinity` for any */
  readonly timeoutMs?: number;
  /** The longest answer that is read, in bytes (default: 4 MiB) */
  readonly maxBytes?: number;
  readonly refusals?: Refusals;
}

/**
 * Makes one call and parses the answer by its schema.
 *
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`, and what `refusals` names
 */
export async function callGuest<T>(
  endpoint: GuestEndpoint,
  call: GuestCall,
  schema: z.ZodType<T>,
): Promise<T> {
  const text = await callForText(endpoint, call);
  const answer = schema.safeParse(parseJson(text));
  if (answer.success) return answer.data;
  const issue = answer.error.issues[0];
  const where = issue?.path.length ? issue.path.map(String).join(".") : "it as a whole";
  const wrong = new AnswerError(`its answer to ${call.path.split("?", 1)[0]} has ${where} wrong`);
  throw explainFailure(wrong, { vmId: endpoint.vmId });
}

/** Makes one call and returns the answer as it is, bounded. */
export async function callForText(endpoint: GuestEndpoint, call: GuestCall): Promise<string> {
  const { timeoutMs = CALL_TIMEOUT_MS, maxBytes = ANSWER_MAX_BYTES, signal } = call;
  const { vmId } = endpoint;
  using limit = new CallLimit(signal, Number.isFinite(timeoutMs) ? timeoutMs : undefined);
  try {
    await using lease = leaseAgent(endpoint);
    const { statusCode, body } = await sendRequest(lease, requestOf(call), limit);
    try {
      if (statusCode >= 300) throw await refusalOf(endpoint, { statusCode, body }, call);
      return await readText(body, maxBytes);
    } finally {
      body.on("error", () => {}).destroy();
    }
  } catch (error) {
    throw explainFailure(error, { vmId, limit });
  }
}

function requestOf({ method, path, body }: GuestCall) {
  if (body === undefined) return { method, path };
  const isBytes = body instanceof Uint8Array;
  const type = isBytes ? "application/octet-stream" : "application/json";
  return { method, path, body: isBytes ? body : JSON.stringify(body), headers: { "content-type": type } };
}

/** A refusal, its reason still to be read. */
export interface Refusal {
  readonly statusCode?: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Reads a refusal's reason and turns it into the caller's error. */
export async function refusalOf(
  { vmId }: GuestEndpoint,
  { statusCode: status = 0, body }: Refusal,
  { path, refusals }: { path: string; refusals?: Refusals },
) {
  const text = await readText(body, REFUSAL_MAX_BYTES);
  return explainRefusal(vmId, { status, text, path, ...(refusals ? { refusals } : {}) });
}

async function readText(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerError(`an answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
