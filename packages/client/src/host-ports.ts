import type { RemoteConnection } from "./remote-connection.ts";

/** Where a port of this machine is to lead, and where it listens; as the library's `forwardPort` takes it. */
export interface ForwardPortOptions {
  /** Port in the guest */
  guest: number;
  /** Where in the guest's view it is (default: `localhost`) */
  guestHost?: string | undefined;
  /** Port of this machine (default: `0`, any free one) */
  host?: number | undefined;
  /** Address of this machine to listen at (default: `127.0.0.1`) */
  address?: string | undefined;
  /** Told of connections that could not be made or broke; the others are not affected */
  onConnectionError?: ((error: unknown) => void) | undefined;
}

/** A port of this machine that leads into a guest, until it is disposed of. */
export interface ForwardedPort extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
}

/** Reaches a VM for a port of this machine. */
export interface GuestPorts {
  /** @throws {BandSoxError} when nothing could be reached now */
  assertReachable(): Promise<void>;
  connect(port: number, options: { host: string; signal: AbortSignal }): Promise<RemoteConnection>;
}

/** Sockets of the machine the client runs on, where it has some. */
export interface HostPorts {
  /** A connection as the machine's own kind of stream */
  streamOf(connection: RemoteConnection, options: { allowHalfOpen: boolean }): object;
  forwardPort(guest: GuestPorts, options: ForwardPortOptions): Promise<ForwardedPort>;
}
