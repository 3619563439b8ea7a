import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import type { Socket } from "node:net";
import type { VmId } from "@bandsox/contract";
import { dialAgent } from "./dial.ts";
import { explainFailure, guestBroken, interrupted } from "./failure.ts";
import type { GuestEndpoint } from "./guest-connections.ts";

export interface GuestRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  /** Bytes go as they are, anything else as JSON */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The protocol to go on with when the guest agrees */
  readonly upgrade?: string;
  /** Destroys the connection when it fires, as long as there is one */
  readonly signal?: AbortSignal | undefined;
}

/** What a guest answered: a response, or a bare connection. Whoever holds it ends it. */
export type Exchange =
  | { readonly response: IncomingMessage }
  | { readonly socket: Socket; readonly headers: IncomingHttpHeaders };

/**
 * Sends one request on a connection of its own and returns the head of the answer.
 *
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function exchange(endpoint: GuestEndpoint, request: GuestRequest): Promise<Exchange> {
  const { vmId } = endpoint;
  const { signal } = request;
  try {
    if (signal?.aborted) throw interrupted(vmId);
    const socket = await dialAgent({ ...endpoint, signal });
    destroyOn(signal, { socket, vmId });
    // Whatever happens to the connection later reaches its reader; here it must only not be fatal.
    socket.on("error", () => {});
    try {
      return await answerTo(send(socket, request), { vmId, socket, upgrade: request.upgrade });
    } catch (error) {
      socket.destroy();
      throw error;
    }
  } catch (error) {
    throw explainFailure(error, { vmId });
  }
}

function destroyOn(signal: AbortSignal | undefined, { socket, vmId }: { socket: Socket; vmId: VmId }): void {
  if (!signal) return;
  const onAbort = () => socket.destroy(interrupted(vmId));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", onAbort));
  if (signal.aborted) onAbort();
}

function send(socket: Socket, { method, path, body, headers, upgrade }: GuestRequest): ClientRequest {
  const isBytes = body instanceof Uint8Array;
  const payload = isBytes || body === undefined ? body : JSON.stringify(body);
  const outgoing = httpRequest({
    ...{ method, path, createConnection: () => socket },
    headers: {
      host: "guest",
      ...headers,
      ...(payload === undefined
        ? {}
        : {
            "content-type": isBytes ? "application/octet-stream" : "application/json",
            "content-length": Buffer.byteLength(payload),
          }),
      ...(upgrade === undefined ? {} : { connection: "Upgrade", upgrade }),
    },
  });
  outgoing.end(payload);
  return outgoing;
}

function answerTo(
  outgoing: ClientRequest,
  { vmId, socket, upgrade }: { vmId: VmId; socket: Socket; upgrade: string | undefined },
): Promise<Exchange> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
  outgoing.on("error", reject); // stays: a request fails once more when its response is given up
  outgoing.once("response", (response) => {
    if (response.statusCode !== 101) return resolve({ response });
    reject(guestBroken(vmId, "it answered 101 and did not say to what it changes"));
  });
  outgoing.once("upgrade", ({ statusCode, headers }, _socket, head: Buffer) => {
    if (statusCode !== 101 || upgrade === undefined || headers.upgrade?.toLowerCase() !== upgrade) {
      return reject(guestBroken(vmId, "it changed to a protocol nobody asked for"));
    }
    if (head.length > 0) socket.unshift(head);
    resolve({ socket, headers });
  });
  return promise;
}
