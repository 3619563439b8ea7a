import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { CallLimit } from "./call-limit.ts";
import { exchange, type GuestEndpoint, type GuestRequest } from "./exchange.ts";
import { AnswerError, explainFailure, explainRefusal, type Refusals } from "./failure.ts";
import { parseJson } from "./parse-json.ts";

const CALL_TIMEOUT_MS = 60_000;
const REFUSAL_MAX_BYTES = 65_536;
/** The longest body PROTOCOL.md allows an answer */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

export interface GuestCall extends GuestRequest {
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
    const answer = await exchange(endpoint, { ...call, signal: limit.signal });
    if (!("response" in answer)) throw new Error("an exchange without upgrade has a response");
    const { response } = answer;
    try {
      if ((response.statusCode ?? 0) >= 300) throw await refusalOf(endpoint, response, call);
      return await readText(response, maxBytes);
    } finally {
      response.destroy();
    }
  } catch (error) {
    throw explainFailure(error, { vmId, limit });
  }
}

/** Reads a refusal's reason and turns it into the caller's error. */
export async function refusalOf(
  { vmId }: GuestEndpoint,
  response: IncomingMessage,
  { path, refusals }: { path: string; refusals?: Refusals },
) {
  const text = await readText(response, REFUSAL_MAX_BYTES);
  const status = response.statusCode ?? 0;
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
