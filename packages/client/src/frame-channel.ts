import type { Problem } from "@bandsox/contract/api";
import { API_FRAMES, type ApiFrame } from "@bandsox/contract/wire";
import { type BandSoxError, fromProblem, notRemote, unreachable } from "./error.ts";
import { frameJson, toBase64 } from "./exec.ts";
import type { Transport } from "./transport.ts";

const PROTOCOL = "bandsox.v1";
const ACKNOWLEDGE_BYTES = 256 * 1024;
const SEND_AHEAD_BYTES = 1024 * 1024;
const SEND_PAUSE_MS = 10;
const ENDED = 1000;

/** A message of the server: a frame, or text. */
export type ChannelMessage = ApiFrame | string;

/** A connection the server closed, or that broke. */
export class ChannelClosed extends Error {
  override readonly name = "ChannelClosed";
  readonly code: number;

  constructor(code: number, reason: string) {
    super(`the connection was closed with ${code}${reason === "" ? "" : `: ${reason}`}`);
    this.code = code;
  }

  /** Whether it broke or the server ended, so that it may be made again. */
  get isPassing(): boolean {
    return this.code === 1006 || this.code === 1001 || this.code === 1012;
  }
}

/** A WebSocket of the server that carries frames. The server sends no more than is read here. */
export class FrameChannel implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting: ChannelMessage[] = [];
  #closed: ChannelClosed | undefined;
  #taken = 0;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.#waiting.push(typeof data === "string" ? data : frameOf(new Uint8Array(data as ArrayBuffer)));
      this.#wake.resolve();
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.#closed = new ChannelClosed(code, reason);
      this.#wake.resolve();
    });
  }

  /** Connects. @throws {BandSoxError} `server_unreachable` */
  static async open(transport: Transport, path: string): Promise<FrameChannel> {
    const Socket = transport.options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw notRemote("a stream without a WebSocket");
    const url = `${transport.url.replace(/^http/i, "ws")}${path}`;
    const socket = new Socket(url, [PROTOCOL, ...tokenProtocol(transport)]);
    const channel = new FrameChannel(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", () => reject(unreachable(transport.url, channel.#closed)));
    socket.addEventListener("error", () => {}); // followed by a close
    await promise;
    return channel;
  }

  /**
   * Messages as they come. Ends when the server has said all; a failure it tells, or a connection that closes before,
   * is thrown.
   */
  async *messages(): AsyncGenerator<ChannelMessage, void, undefined> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message === undefined) {
        if (this.#closed?.code === ENDED) return;
        if (this.#closed) throw this.#closed;
        await this.#wake.promise;
        this.#wake = Promise.withResolvers<void>();
        continue;
      }
      if (typeof message !== "string") {
        this.#acknowledge(message.data.length);
        if (message.kind === API_FRAMES.error) throw failureIn(message);
      }
      yield message;
    }
  }

  /** Sends a frame. Resolves once not much is left to be sent; a browser tells no other way than by its count. */
  async send(kind: number, data: Uint8Array = new Uint8Array()): Promise<void> {
    const message = new Uint8Array(data.length + 1);
    message[0] = kind;
    message.set(data, 1);
    if (this.#closed) throw this.#closed;
    this.#socket.send(message);
    while (!this.#closed && this.#socket.bufferedAmount > SEND_AHEAD_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, SEND_PAUSE_MS));
    }
  }

  sendText(text: string): void {
    if (this.#closed) throw this.#closed;
    this.#socket.send(text);
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#socket.close(ENDED);
    this.#closed ??= new ChannelClosed(ENDED, "");
    this.#wake.resolve();
  }

  #acknowledge(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < ACKNOWLEDGE_BYTES || this.#closed) return;
    const message = new Uint8Array(5);
    message[0] = API_FRAMES.taken;
    new DataView(message.buffer).setUint32(1, this.#taken);
    this.#socket.send(message);
    this.#taken = 0;
  }
}

function frameOf(message: Uint8Array): ApiFrame {
  return { kind: message[0] ?? 0, data: message.subarray(1) };
}

function failureIn({ data }: ApiFrame): BandSoxError {
  return fromProblem(frameJson<Problem>(data));
}

/** A browser's WebSocket has no headers, so the secret goes as the name of a sub-protocol. */
function tokenProtocol(transport: Transport): string[] {
  const [, token] = /^bearer (.+)$/i.exec(transport.headers().authorization ?? "") ?? [];
  if (token === undefined) return [];
  const text = toBase64(new TextEncoder().encode(token));
  return [`bandsox.auth.${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`];
}
