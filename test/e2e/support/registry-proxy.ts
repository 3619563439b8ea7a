import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

/** A registry's requests, watched and held up. */
export interface RegistryProxy extends AsyncDisposable {
  readonly host: string;
  /** `METHOD path [Range]` of each request for a blob, in order */
  readonly blobs: readonly string[];
  /** From now on, answers larger than this stop half way and hang; `undefined` lets everything through. */
  stallAbove(sizeBytes: number | undefined): void;
}

/** Starts a proxy on loopback before the registry at `host`. */
export async function startProxy(host: string): Promise<RegistryProxy> {
  const blobs: string[] = [];
  let limit: number | undefined;
  const server = createServer((incoming, outgoing) => {
    const range = incoming.headers.range;
    if (incoming.url?.includes("/blobs/"))
      blobs.push([incoming.method, incoming.url, ...(range ? [range] : [])].join(" "));
    forward(host, incoming, outgoing, () => limit);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    host: `127.0.0.1:${address.port}`,
    blobs,
    stallAbove: (sizeBytes) => {
      limit = sizeBytes;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function forward(
  host: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  limit: () => number | undefined,
): void {
  const [hostname, port] = host.split(":");
  const { method, url: path, headers } = incoming;
  const upstream = request({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    const size = Number(answer.headers["content-length"] ?? 0);
    const most =
      limit() !== undefined && size > (limit() ?? 0) ? Math.floor(size / 2) : Number.POSITIVE_INFINITY;
    let sent = 0;
    answer.on("data", (chunk: Buffer) => {
      const part = chunk.subarray(0, Math.max(0, most - sent));
      sent += part.length;
      outgoing.write(part);
    });
    answer.on("end", () => {
      if (most === Number.POSITIVE_INFINITY) outgoing.end();
    });
  });
  upstream.on("error", () => outgoing.destroy());
  incoming.pipe(upstream);
}
