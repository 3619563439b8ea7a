/** A TCP connection to something that listens in a guest. Each side ends its own direction. */
export interface RemoteConnection {
  /** What comes from the guest */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to it; closing it ends that direction alone */
  readonly writable: WritableStream<Uint8Array>;
  /** Ends both directions at once */
  close(): void;
}

/** How to connect. */
export interface ConnectOptions {
  /** Where to, as seen from within the guest: an IP address or `localhost` (default: `localhost`) */
  host?: string | undefined;
  /** Of a Node stream: whether it stays writable when the other side has ended its own (default: `false`) */
  allowHalfOpen?: boolean | undefined;
  /** Ends the connection when it fires */
  signal?: AbortSignal | undefined;
}
