import { createServer, type Socket } from "node:net";

export interface HostileAgent extends AsyncDisposable {
  /** How many connections are open */
  readonly open: () => number;
  /** How many there ever were */
  readonly accepted: () => number;
}

/**
 * An agent that keeps to the handshake and then does what it likes. Its script gets each connection with the first
 * bytes of the request that came on it.
 */
export async function startHostileAgent(
  socketPath: string,
  script: (socket: Socket, request: Buffer) => void,
): Promise<HostileAgent> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted++;
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy()));
    socket.on("end", () => socket.end());
    socket.once("data", () => {
      socket.write("OK 1\n");
      socket.once("data", (request) => {
        socket.resume();
        script(socket, request);
      });
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socketPath, resolve));
  return {
    open: () => sockets.size,
    accepted: () => accepted,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
