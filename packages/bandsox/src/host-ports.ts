import { Duplex } from "node:stream";
import type { GuestPorts, HostPorts, RemoteConnection } from "@bandsox/client";
import { type ForwardPortOptions, forwardConnections } from "@bandsox/core";

/** Node streams and listening ports over a server's connections into its guests. */
export const hostPorts: HostPorts = {
  streamOf,
  forwardPort: (guest: GuestPorts, options) => {
    const way = {
      assertReachable: () => guest.assertReachable(),
      connect: async ({ port, host, signal }: { port: number; host: string; signal: AbortSignal }) =>
        streamOf(await guest.connect(port, { host, signal }), { allowHalfOpen: true }),
      attach: (signal: AbortSignal) => ({ signal, [Symbol.dispose]: () => {} }),
    };
    return forwardConnections(way, options as ForwardPortOptions);
  },
};

function streamOf(
  { readable, writable, close }: RemoteConnection,
  { allowHalfOpen }: { allowHalfOpen: boolean },
): Duplex {
  const stream = Duplex.fromWeb({ readable, writable }, { allowHalfOpen });
  stream.once("close", close);
  return stream;
}
