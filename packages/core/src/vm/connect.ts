import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { parseInput } from "@bandsox/contract";
import { z } from "zod";
import { connectTcp } from "../guest/tcp.ts";
import type { VmGuest } from "./vm-guest.ts";

const PORT_MAX = 65_535;

/** A TCP port something can be reached at. */
export const Port = z
  .int("a port is a whole number")
  .min(1, "a port is at least 1")
  .max(PORT_MAX, `a port is at most ${PORT_MAX}`);
/** A host as the guest sees it. */
export const GuestHost = z
  .string()
  .refine((host) => host === "localhost" || isIP(host) !== 0, "a host is an IP address or `localhost`");

export interface ConnectOptions {
  /** Where to, as seen from within the guest: an IP address or `localhost` (default: `localhost`) */
  host?: string;
  /** Whether the stream stays writable when the other side has ended its own (default: `false`) */
  allowHalfOpen?: boolean;
  /** Destroys the connection when it fires */
  signal?: AbortSignal;
}

/** Opens a TCP connection to something that listens in the guest. Whoever gets the stream ends it. */
export async function connectGuest(
  guest: VmGuest,
  port: number,
  { host = "localhost", allowHalfOpen = false, signal }: ConnectOptions = {},
): Promise<Duplex> {
  const target = { port: parseInput(Port, port, "port"), host: parseInput(GuestHost, host, "host") };
  using opening = new DisposableStack();
  const attached = opening.use(guest.attach(signal));
  const socket = await guest.call(attached.signal, (endpoint) =>
    connectTcp(endpoint, { ...target, signal: attached.signal }),
  );
  socket.allowHalfOpen = allowHalfOpen;
  const open = opening.move();
  socket.once("close", () => open.dispose());
  return socket;
}
