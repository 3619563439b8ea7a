import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface RegistryOptions {
  /** Serve over TLS with this certificate and key */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Let in only those of this htpasswd file */
  readonly htpasswd?: string;
}

/** Starts Debian's docker-registry on a loopback port, with its data under `dir`. */
export async function startRegistry(
  dir: string,
  { tls, htpasswd }: RegistryOptions = {},
): Promise<AsyncDisposable & { readonly host: string }> {
  const port = await freePort();
  const config = join(dir, `registry-${port}.yml`);
  const settings = {
    version: 0.1,
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(dir, "registry") } },
    http: { addr: `127.0.0.1:${port}`, ...(tls ? { tls } : {}) },
    ...(htpasswd ? { auth: { htpasswd: { realm: "test", path: htpasswd } } } : {}),
  };
  await writeFile(config, JSON.stringify(settings));
  const child = spawn("docker-registry", ["serve", config], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  for await (const line of createInterface({ input: child.stderr })) if (line.includes("listening on")) break;
  child.stderr.resume();
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
