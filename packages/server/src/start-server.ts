import type { AddressInfo } from "node:net";
import { isIP } from "node:net";
import { type AppOptions, serverApp } from "./app.ts";
import { AuthStore } from "./auth/auth-store.ts";
import { keepUp } from "./keep-up.ts";

export interface ServerOptions extends Omit<AppOptions, "auth"> {
  /** Address to listen at (default: `127.0.0.1`) */
  readonly host?: string | undefined;
  /** Port to listen at; `0` is any free one (default: `8000`) */
  readonly port?: number | undefined;
  /** Where it is kept who may call: the storage that is served */
  readonly storageDir: string;
}

/** A server that listens. Disposing of it ends it; VMs run on. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  /** What was made because others than this machine can reach the server; nobody can be told again */
  readonly credentials:
    | { readonly password: string; readonly key: string; readonly keyId: string }
    | undefined;
}

/** Serves a storage over HTTP until it is disposed of. The library stays the caller's. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 8000, storageDir, ...rest } = options;
  await using starting = new AsyncDisposableStack();
  const auth = starting.use(new AuthStore(storageDir));
  const credentials = isLoopback(host) || auth.isEnabled ? undefined : await auth.init();
  const { app } = await serverApp({ ...rest, auth, storageDir });
  starting.defer(() => app.close());
  await app.listen({ host, port });
  starting.use(keepUp({ bandsox: options.bandsox, log: app.log }));
  const { address, port: bound, family } = app.server.address() as AddressInfo;
  const url = `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`;
  const running = starting.move();
  return { url, credentials, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
