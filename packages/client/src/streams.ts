import type { RouteKey } from "@bandsox/contract/api";
import { interrupted, invalidAnswer, unreachable } from "./error.ts";
import type { CallInput, Transport } from "./transport.ts";

/** The bytes of an answer as they come; leaving the iteration ends the call. */
export async function* bytesOf<K extends RouteKey>(
  transport: Transport,
  key: K,
  input: CallInput<K>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const left = new AbortController();
  const { signal } = input;
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  try {
    const { body, url } = await transport.open(key, { ...input, signal: either });
    if (!body) throw invalidAnswer(url, "without a body");
    try {
      for await (const chunk of body) yield chunk;
    } catch (error) {
      throw unreachable(url, error);
    }
  } catch (error) {
    throw signal?.aborted ? interrupted(key, error) : error;
  } finally {
    left.abort();
  }
}

/** The text of an answer as it comes. */
export async function* textOf<K extends RouteKey>(
  transport: Transport,
  key: K,
  input: CallInput<K>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  for await (const chunk of bytesOf(transport, key, input)) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== "") yield text;
  }
}
