import { once } from "node:events";
import { type AddressInfo, createServer, isIP, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BandSoxError, parseInput } from "@bandsox/contract";
import { z } from "zod";
import { connectGuest, GuestHost, Port } from "./connect.ts";
import type { VmGuest } from "./vm-guest.ts";

const CONNECTIONS_MAX = 256;

const Forward = z.strictObject({
  guest: Port,
  guestHost: GuestHost.default("localhost"),
  host: z.literal(0).or(Port).default(0),
  address: z
    .string()
    .refine((address) => isIP(address) !== 0, "an address is an IP address")
    .default("127.0.0.1"),
});

export interface ForwardPortOptions {
  /** Port in the guest */
  guest: number;
  /** Where in the guest's view it is (default: `localhost`) */
  guestHost?: string;
  /** Port of this machine (default: `0`, any free one) */
  host?: number;
  /** Address of this machine to listen at (default: `127.0.0.1`) */
  address?: string;
  /** Told of connections that could not be made or broke; the others are not affected */
  onConnectionError?: (error: unknown) => void;
}

/** A port of this machine that leads into a guest, until it is disposed of. */
export interface ForwardedPort extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
}

/** How connections of a forwarded port get into the guest. */
export interface WayIn {
  /** @throws when there is nothing to lead to */
  assertReachable(): Promise<unknown>;
  connect(target: { port: number; host: string; signal: AbortSignal }): Promise<Duplex>;
  /** A signal that fires with the given one, or when the way is closed */
  attach(signal: AbortSignal): Disposable & { readonly signal: AbortSignal };
}

/** Listens on a port of this machine and carries its connections into the guest, at most 256 at a time. */
export async function forwardPort(guest: VmGuest, options: ForwardPortOptions): Promise<ForwardedPort> {
  const way: WayIn = {
    assertReachable: () => guest.endpoint(),
    connect: ({ port, ...how }) => connectGuest(guest, port, { ...how, allowHalfOpen: true }),
    attach: (signal) => guest.attach(signal),
  };
  return forwardConnections(way, options);
}

/** The same, whichever way connections get into the guest. */
export async function forwardConnections(way: WayIn, options: ForwardPortOptions): Promise<ForwardedPort> {
  const { onConnectionError = () => {}, ...rest } = options;
  const forward = parseInput(Forward, rest, "port");
  await way.assertReachable();
  using opening = new DisposableStack();
  const closing = new AbortController();
  const attached = opening.use(way.attach(closing.signal));
  const open = new Map<Socket, Promise<void>>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const target = { port: forward.guest, host: forward.guestHost, signal: attached.signal };
    const carried = carry(client, () => way.connect(target)).catch((error: unknown) => {
      if (!attached.signal.aborted) onConnectionError(error);
    });
    open.set(client, carried);
    void carried.finally(() => open.delete(client));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, forward);
  const { address, port } = server.address() as AddressInfo;
  const end = () => {
    server.close();
    for (const client of open.keys()) client.destroy();
  };
  attached.signal.addEventListener("abort", end, { once: true });
  const held = opening.move();
  return {
    ...{ address, port },
    [Symbol.asyncDispose]: async () => {
      const closed = server.listening ? once(server, "close") : undefined;
      closing.abort();
      held.dispose();
      await closed;
      await Promise.all(open.values());
    },
  };
}

/** Carries bytes both ways until both ends are done, or either breaks. */
async function carry(client: Socket, connect: () => Promise<Duplex>): Promise<void> {
  client.on("error", () => {}); // told by the pipelines, once there are any
  try {
    const inner = await connect();
    await Promise.all([pipeline(client, inner), pipeline(inner, client)]);
  } catch (error) {
    client.resetAndDestroy();
    throw error;
  }
}

async function listen(server: Server, { host, address }: z.infer<typeof Forward>): Promise<void> {
  try {
    server.listen(host, address);
    await once(server, "listening");
  } catch (error) {
    const where = isIP(address) === 6 ? `[${address}]:${host}` : `${address}:${host}`;
    const why = error instanceof Error ? error.message : String(error);
    const message = `cannot listen at ${where}: ${why}`;
    throw new BandSoxError("port_unavailable", message, { address: where }, { cause: error });
  }
  server.on("error", () => {}); // an accept that fails costs that connection only
}
