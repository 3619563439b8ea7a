import { spawn } from "node:child_process";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createSocketServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { ExecSpec } from "@bandsox/contract";
import { frame } from "./fake-duplex.ts";
import { execDuplex } from "./fake-exec.ts";
import { healthAnswer } from "./fake-health.ts";
import { type FakePingOptions, takePings } from "./fake-pings.ts";
import { FakeSessions } from "./fake-sessions.ts";
import { carryTcp } from "./fake-tcp.ts";

/** What an agent double does beyond its duty. */
export interface FakeAgentOptions extends FakePingOptions {
  /** Bytes sent instead of a proper answer to an exec, whatever the command */
  readonly rawExecBody?: Uint8Array;
  /** How every exec is refused, if it is */
  readonly execRefusal?: { readonly status: number; readonly code: string; readonly message: string };
  /** The protocol version its hello claims (default: `1`) */
  readonly protocol?: number;
  /** Instead of `OK`, what the handshake answers */
  readonly handshake?: string;
  /** Called when a power-off is asked for; it is answered once this resolves */
  beforePowerOff?(): Promise<void>;
  /** Answers requests before the rest does; `false` leaves them to it */
  readonly files?: ((request: IncomingMessage, response: ServerResponse) => Promise<boolean>) | undefined;
  onPowerOff?(): void;
  /** Whether a call, e.g. `PUT /v1/sessions/…`, is done but its connection broken instead of answered */
  losesAnswer?(route: string): boolean;
}

export interface FakeAgent extends AsyncDisposable {
  /** The body of the last `PUT /v1/machine` */
  readonly machine: () => unknown;
  readonly sessions: FakeSessions;
  /** How many connections there are */
  connections(): number;
  /** Breaks every connection there is; new ones are taken. */
  dropConnections(): void;
}

/** An agent that speaks PROTOCOL.md on a Unix socket and runs commands as plain processes of this host. */
export async function startFakeAgent(socketPath: string, options: FakeAgentOptions = {}): Promise<FakeAgent> {
  let machine: unknown;
  const sockets = new Set<Socket>();
  const sessions = new FakeSessions();
  const http = httpServer({ ...options, sessions }, (body) => {
    machine = body;
  });
  const listener = createSocketServer((socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy()));
    socket.once("data", (line) => {
      socket.write(options.handshake ?? "OK 1073741824\n");
      const rest = line.subarray(line.indexOf("\n") + 1);
      if (rest.length > 0) socket.unshift(rest);
      http.emit("connection", socket);
    });
  });
  await new Promise<void>((resolve, reject) => listener.once("error", reject).listen(socketPath, resolve));
  const dropConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    ...{ machine: () => machine, sessions, dropConnections, connections: () => sockets.size },
    [Symbol.asyncDispose]: async () => {
      sessions[Symbol.dispose]();
      dropConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

type Inside = FakeAgentOptions & { readonly sessions: FakeSessions };

function httpServer(options: Inside, onMachine: (body: unknown) => void): HttpServer {
  const server = createServer((request, response) => {
    onRequest(request, response).catch(() => response.destroy()); // whoever asked has gone, or asked for nothing we know
  });
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    if (await options.files?.(request, response)) return;
    const route = `${request.method} ${request.url}`;
    if (options.losesAnswer?.(route)) {
      response.end = () => response.destroy() as typeof response;
    }
    if (route === "GET /v1/hello") return answer(response, 200, hello(options.protocol ?? 1));
    if (route === "POST /v1/exec") return exec(request, response, options);
    if (request.url?.startsWith("/v1/sessions")) return options.sessions.answer(request, response);
    const health = healthAnswer(new URL(request.url ?? "/", "http://guest"));
    if (health !== undefined) return void response.end(health);
    const body: unknown = JSON.parse(await text(request));
    if (route === "PUT /v1/machine") onMachine(body);
    if (route === "POST /v1/power-off") await options.beforePowerOff?.();
    if (route === "POST /v1/clock") return answer(response, 200, { epochMs: Date.now() });
    answer(response, route === "POST /v1/power-off" ? 202 : 200, {});
    if (route === "POST /v1/power-off") options.onPowerOff?.();
  };
  return server.on("upgrade", (request, stream, head) => {
    const socket = stream as Socket;
    if (request.url === "/v1/exec")
      return void execDuplex(request, socket, head).catch(() => socket.destroy());
    if (request.url?.startsWith("/v1/tcp?")) return carryTcp(request, socket);
    if (request.url === "/v1/ping") return takePings(socket, options);
    return options.sessions.attach(request, socket);
  });
}

function hello(protocol: number) {
  const times = { agentStartMs: 10, agentReadyMs: 20 };
  return {
    protocol,
    agentVersion: "fake",
    capabilities: ["machine", "exec", "power-off"],
    machine: "bare",
    kernel: "fake",
    ...times,
  };
}

async function exec(
  request: IncomingMessage,
  response: ServerResponse,
  options: FakeAgentOptions,
): Promise<void> {
  const spec = ExecSpec.parse(JSON.parse(await text(request)));
  if (options.rawExecBody) {
    response.writeHead(200).end(options.rawExecBody);
    return;
  }
  if (options.execRefusal) {
    const { status, ...problem } = options.execRefusal;
    answer(response, status, problem);
    return;
  }
  const child = spawn(spec.argv[0] ?? "", spec.argv.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  child.once("error", (error) => answer(response, 422, { code: "exec_not_started", message: error.message }));
  child.once("spawn", () => response.writeHead(200, { "content-type": "application/vnd.bandsox.frames" }));
  child.stdout.on("data", (data: Buffer) => response.write(frame(1, data)));
  child.stderr.on("data", (data: Buffer) => response.write(frame(2, data)));
  response.on("close", () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  });
  child.once("close", (code, signal) => {
    if (code === null && signal === null) return; // never started
    const exit = { exitCode: code ?? 128 + 9, ...(signal ? { signal } : {}), timedOut: false };
    response.end(frame(3, Buffer.from(JSON.stringify(exit))));
  });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
