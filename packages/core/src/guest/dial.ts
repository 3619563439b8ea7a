import { connect, type Socket } from "node:net";
import { BandSoxError, type VmId } from "@bandsox/contract";
import { printable } from "../host/printable.ts";
import { reachableSocket } from "../host/socket-path.ts";
import { redialing } from "./redial.ts";

/** The agent's port, on vsock and on everything that stands in for it. */
const AGENT_PORT = 52;
const HANDSHAKE_MAX_BYTES = 32;
const REASON_MAX_BYTES = 200;
/** Within a third of a second; a VM that has ended is not worth more */
const ATTEMPTS_MAX = 4;

export interface DialOptions {
  readonly vmId: VmId;
  readonly socketPath: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a byte stream to the agent, with Firecracker's hybrid-vsock handshake (PROTOCOL.md §1). What fails before the
 * handshake is over has reached nobody, so it is tried again a few times: a channel may just be taking the place of
 * another.
 *
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export function dialAgent(options: DialOptions): Promise<Socket> {
  const { signal } = options;
  return redialing(() => dialOnce(options), { signal, attemptsMax: ATTEMPTS_MAX }).catch((error: unknown) => {
    if (error instanceof Error) reachedNobody.add(error);
    throw error;
  });
}

const reachedNobody = new WeakSet<Error>();

/** Whether a failure is that there was no connection, so that the guest knows nothing of the call. */
export function hasReachedNobody(error: Error): boolean {
  return reachedNobody.has(error);
}

/** Whether nobody serves the socket any more: the VM has ended. */
export function isSocketGone(error: Error): boolean {
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return reachedNobody.has(error) && (code === "ENOENT" || code === "ECONNREFUSED");
}

async function dialOnce({ vmId, socketPath, signal }: DialOptions): Promise<Socket> {
  await using reachable = await reachableSocket(socketPath).catch((error: Error) => {
    throw unreachable(vmId, error.message, error);
  });
  const socket = connect(reachable.path);
  const onAbort = () =>
    socket.destroy(new BandSoxError("interrupted", `interrupted while reaching ${vmId}`, {}));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    socket.write(`CONNECT ${AGENT_PORT}\n`);
    await readHandshake(socket, vmId);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Reads `OK <n>\n` and leaves what follows it in the socket. */
function readHandshake(socket: Socket, vmId: VmId): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: Error) =>
    reject(error instanceof BandSoxError ? error : unreachable(vmId, error.message, error));
  const onEnd = () => reject(unreachable(vmId, "the connection was closed"));
  const onReadable = () => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    const line = bytes.subarray(0, HANDSHAKE_MAX_BYTES).toString("latin1");
    const end = line.indexOf("\n");
    if (end < 0 && bytes.length < HANDSHAKE_MAX_BYTES) {
      socket.unshift(bytes);
      return;
    }
    if (line.startsWith("ERR ")) {
      const why = bytes.subarray(4, REASON_MAX_BYTES).toString("latin1").split("\n", 1)[0] ?? "";
      reject(unreachable(vmId, printable(why)));
      return;
    }
    if (end < 0 || !line.startsWith("OK ")) {
      reject(
        new BandSoxError("guest_protocol", `${vmId} answered ${JSON.stringify(line)} where OK was due`, {
          vmId,
        }),
      );
      return;
    }
    if (bytes.length > end + 1) socket.unshift(bytes.subarray(end + 1));
    resolve();
  };
  socket.on("error", onError).on("end", onEnd).on("close", onEnd).on("readable", onReadable);
  return promise.finally(() => {
    socket.off("error", onError).off("end", onEnd).off("close", onEnd).off("readable", onReadable);
  });
}

function unreachable(vmId: VmId, why: string, cause?: Error): BandSoxError {
  return new BandSoxError(
    "guest_unreachable",
    `cannot reach the agent in ${vmId}: ${why}`,
    { vmId },
    { cause },
  );
}
