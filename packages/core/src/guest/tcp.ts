import { isIP, type Socket } from "node:net";
import { BandSoxError } from "@bandsox/contract";
import { upgrade } from "./duplex.ts";
import type { GuestEndpoint } from "./guest-connections.ts";

/** Somewhat more than the guest itself waits for a connection */
const CONNECT_TIMEOUT_MS = 15_000;

export interface TcpTarget {
  readonly port: number;
  /** An IP address, or `localhost` for both of its own */
  readonly host: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a TCP connection from within the guest, as a byte stream. `signal` destroys it at any time.
 *
 * @throws {BandSoxError} `connect_failed`, `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function connectTcp(
  endpoint: GuestEndpoint,
  { port, host, signal }: TcpTarget,
): Promise<Socket> {
  const { vmId } = endpoint;
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  const failed = (why: string) =>
    new BandSoxError("connect_failed", `cannot connect to ${address} in ${vmId}: ${why}`, { vmId, address });
  const { socket } = await upgrade(endpoint, {
    ...{ method: "GET", upgrade: "tcp", signal, handshakeMs: CONNECT_TIMEOUT_MS },
    path: `/v1/tcp?${new URLSearchParams({ port: `${port}`, host })}`,
    refusals: { connect_failed: failed, tcp_busy: failed },
  });
  return socket;
}
