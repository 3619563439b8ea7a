import { setImmediate } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { type CallLimit, unlessAborted } from "./call-limit.ts";
import type { AgentLease } from "./guest-connections.ts";

/** When a request must be over, and whether it was the guest that took too long. */
export type Limit = Pick<CallLimit, "signal" | "isLate">;

/** A request to a guest. */
export type GuestRequest = Pick<Dispatcher.RequestOptions, "method" | "path" | "headers" | "body">;

/**
 * Sends a request as it is and hands over the answer whatever it says. It is sent again when a kept connection turns out
 * to have ended, if that repeats nothing.
 */
export async function sendRequest(
  { agent }: AgentLease,
  request: GuestRequest,
  limit: Limit,
): Promise<Dispatcher.ResponseData> {
  const { signal } = limit;
  const dispatch = async () => {
    // The end of a kept connection, which a save of the machine brings, may have come and not been looked at yet.
    await setImmediate();
    return agent.request({ origin: "http://guest", ...request, signal });
  };
  // undici looks at the signal only once there is a connection, and a guest may keep us waiting for that.
  const ask = () => unlessAborted(signal, dispatch(), giveUp);
  signal.throwIfAborted();
  return await ask().catch((error) => {
    if (signal.aborted || !isRepeatable(request, error)) throw error;
    return ask();
  });
}

/** An answer that came when nobody waited for it any more. */
function giveUp(late: Dispatcher.ResponseData): void {
  late.body.on("error", () => {}).destroy();
}

/** Written to a socket at once: it arrives as a whole, or the peer has closed and nothing does */
const WRITTEN_AT_ONCE_BYTES = 16_384;

/** Whether sending a request again does nothing twice: it only reads, or its connection had ended before it was sent. */
function isRepeatable({ method, body }: GuestRequest, error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (method === "GET") return code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE";
  if (code !== "EPIPE") return false;
  if (typeof body === "string" || body instanceof Uint8Array)
    return Buffer.byteLength(body) <= WRITTEN_AT_ONCE_BYTES;
  return !body;
}
