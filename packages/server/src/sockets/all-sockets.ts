import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import type { Served } from "../served.ts";
import { serveAttach } from "./attach-socket.ts";
import { serveEvents } from "./event-socket.ts";
import { serveExec } from "./exec-socket.ts";
import { chooseProtocol } from "./socket-route.ts";
import { serveTcp } from "./tcp-socket.ts";
import { serveTerminal } from "./terminal-socket.ts";
import { serveLogs, serveWatch } from "./watch-socket.ts";

const MESSAGE_MAX_BYTES = 1024 * 1024;
/** "Service restart": what was attached may be attached again */
const RESTARTING = 1012;

/** Takes WebSockets; to be called before any route is added. */
export async function acceptSockets(app: FastifyInstance): Promise<void> {
  await app.register(websocket, {
    options: { maxPayload: MESSAGE_MAX_BYTES, handleProtocols: chooseProtocol, perMessageDeflate: false },
    preClose: (done) => {
      for (const client of app.websocketServer.clients) client.close(RESTARTING, "the server ends");
      app.websocketServer.close(() => {}); // no new ones; those there are have been told
      done();
    },
  });
}

/** Every WebSocket of the API. */
export function serveSockets(app: FastifyInstance, served: Served): void {
  serveTerminal(app, served);
  serveAttach(app, served);
  serveExec(app, served);
  serveTcp(app, served);
  serveWatch(app, served);
  serveLogs(app, served);
  serveEvents(app, served);
}
