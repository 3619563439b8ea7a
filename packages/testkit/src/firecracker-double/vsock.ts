import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { ApiFault } from "./fault.ts";
import type { GuestMachine } from "./guest-machine.ts";

const AGENT_PORT = 52;
const HANDSHAKE_MAX_BYTES = 64;
const FIRST_LOCAL_PORT = 1_073_741_824;

/** Firecracker's vsock device as the host sees it: a socket that leads to the guest's ports. */
export class VsockDevice {
  readonly path: string;
  readonly #server: Server;
  readonly #hosts = new Set<Socket>();
  readonly #guests = new Set<Socket>();
  /** Connections that wait for a guest that is paused, or for ever */
  #waiting: Socket[] = [];
  #machine: GuestMachine | undefined;
  #answers = true;
  #isDeaf = false;
  #listens = false;
  #port = FIRST_LOCAL_PORT;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
    server.on("connection", (socket) => void this.#accept(socket));
  }

  /** @throws {ApiFault} when the name is taken */
  static async bind(path: string): Promise<VsockDevice> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen(path);
    try {
      await once(server, "listening");
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      const found = `Os { code: ${Math.abs(errno ?? 0)}, kind: ${code === "EADDRINUSE" ? "AddrInUse" : code} }`;
      throw new ApiFault(`Vsock config error: Cannot create backend for vsock device: UnixBind(${found})`);
    }
    return new VsockDevice(path, server);
  }

  attach(machine: GuestMachine): void {
    this.#machine = machine;
    void machine.ready.then(() => {
      this.#listens = true;
    });
  }

  /** Whether the guest's processors run, and so answer. */
  setRunning(running: boolean): void {
    this.#answers = running;
    if (!running || this.#isDeaf) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const socket of waiting) this.#connect(socket);
  }

  /** From now on nothing of the guest's arrives any more. */
  lose(): void {
    this.#connect = (socket) => void this.#waiting.push(socket);
    this.reset();
  }

  /**
   * Ends the guest's side of every connection, as a snapshot does. The host's side is not told: it hears nothing more,
   * and that the connection is gone when it says something.
   */
  reset(): void {
    for (const inner of this.#guests) inner.destroy();
    this.#guests.clear();
  }

  /** Has the guest hear nothing from the host, old or new, until it is told otherwise. */
  deafen(): void {
    this.#isDeaf = true;
    this.reset();
  }

  /** The guest has heard that its connections are gone. */
  hear(): void {
    this.#isDeaf = false;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#hosts) socket.destroy();
    this.reset();
  }

  async #accept(socket: Socket): Promise<void> {
    this.#hosts.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#hosts.delete(socket));
    const line = await readLine(socket);
    const port = Number(/^connect (\d+)$/i.exec(line)?.[1]);
    if (socket.destroyed) return;
    // No port of ours, or nobody listens there yet: the guest's kernel refuses.
    if (port !== AGENT_PORT || !this.#listens) return void socket.destroy();
    if (this.#answers && !this.#isDeaf) this.#connect(socket);
    else this.#waiting.push(socket);
  }

  #connect = (socket: Socket): void => {
    if (!this.#machine || socket.destroyed) return;
    const inner = connect({ path: this.#machine.agentSocket, allowHalfOpen: true });
    this.#guests.add(inner);
    inner.on("error", () => inner.destroy());
    inner.on("close", () => this.#guests.delete(inner));
    socket.on("close", () => inner.destroy());
    inner.write(`CONNECT ${AGENT_PORT}\n`);
    void readLine(inner).then((line) => {
      if (!line.startsWith("OK ")) return void socket.destroy();
      socket.write(`OK ${this.#port++}\n`);
      inner.pipe(socket);
      socket.on("data", (bytes) => {
        if (inner.destroyed) socket.destroy();
        else if (!inner.write(bytes)) pauseUntilDrained(socket, inner);
      });
      socket.on("end", () => inner.end());
    });
  };
}

function pauseUntilDrained(from: Socket, to: Socket): void {
  from.pause();
  to.once("drain", () => from.resume());
  to.once("close", () => from.resume());
}

/** Reads one line and leaves what follows it in the socket. */
async function readLine(socket: Socket): Promise<string> {
  let line = "";
  while (line.length < HANDSHAKE_MAX_BYTES) {
    const byte: Buffer | null = socket.read(1);
    if (byte === null) {
      const end = new AbortController();
      const { signal } = end;
      await Promise.race([once(socket, "readable", { signal }), once(socket, "close", { signal })]).catch(
        () => undefined, // it broke, which the next read tells
      );
      end.abort();
      if (socket.destroyed || socket.readableEnded) return line;
      continue;
    }
    if (byte[0] === 0x0a) return line;
    line += byte.toString("latin1");
  }
  return line;
}
