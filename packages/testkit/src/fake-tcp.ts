import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { refuseUpgrade, switchTo } from "./fake-duplex.ts";

/** Answers an upgrade of `/v1/tcp`: the guest's ports are this host's. */
export function carryTcp(request: IncomingMessage, socket: Socket): void {
  const query = new URL(request.url ?? "/", "http://guest").searchParams;
  const host = query.get("host") === "localhost" ? "127.0.0.1" : (query.get("host") ?? "127.0.0.1");
  const inner = connect({ port: Number(query.get("port")), host, allowHalfOpen: true });
  let isConnected = false;
  inner.once("connect", () => {
    isConnected = true;
    socket.allowHalfOpen = true;
    switchTo(socket, "tcp");
    inner.pipe(socket);
    socket.pipe(inner);
  });
  inner.on("error", (error) => {
    if (isConnected) return void socket.destroy();
    refuseUpgrade(socket, 502, { code: "connect_failed", message: error.message });
  });
  socket.on("close", () => inner.destroy());
  inner.on("close", (hadError) => {
    if (hadError && isConnected) socket.destroy();
  });
}
