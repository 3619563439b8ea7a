import type { ApiFrame } from "@bandsox/contract/api";
import { API_FRAMES } from "@bandsox/contract/api";
import type { WebSocket } from "ws";

/** Output a client has not said it took; beyond that it gets no more until it has. */
const WINDOW_BYTES = 4 * 1024 * 1024;
const WAITING_MAX_BYTES = 1024 * 1024;
const PING_MS = 30_000;
const REASON_MAX_BYTES = 120;

/** A message of a client: a frame, or text. */
export type SocketMessage = ApiFrame | string;

/**
 * A WebSocket whose binary messages are frames. What is sent waits for the connection and for the client; what comes is
 * held up to a bound, beyond which the client waits. A client that answers no ping is gone.
 */
export class FrameSocket implements Disposable {
  readonly #socket: WebSocket;
  readonly #gone = new AbortController();
  readonly #waiting: SocketMessage[] = [];
  readonly #ping: NodeJS.Timeout;
  #waitingBytes = 0;
  #isAlive = true;
  #unacknowledged = 0;
  #acknowledges = false;
  #wake = Promise.withResolvers<void>();
  /** What the connection was closed with; 1006 when it broke */
  closeCode: number | undefined;

  /** To be made as soon as the socket is there: what comes before is lost. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "nodebuffer";
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#onMessage(data, isBinary));
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    socket.on("error", () => {}); // followed by a close
    socket.on("close", (code) => this.#onClose(code));
    this.#ping = setInterval(() => this.#onPing(), PING_MS).unref();
    if (socket.readyState !== socket.OPEN) this.#onClose(1006);
  }

  /** Fires when the connection is gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Messages as they come, until the connection is gone. */
  async *messages(): AsyncGenerator<SocketMessage, void, undefined> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message === undefined) {
        if (this.#gone.signal.aborted) return;
        await this.#wake.promise;
        this.#wake = Promise.withResolvers<void>();
        continue;
      }
      this.#waitingBytes -= sizeOf(message);
      if (this.#waitingBytes < WAITING_MAX_BYTES) this.#socket.resume();
      yield message;
    }
  }

  /** Sends a frame, no faster than the client takes them. A client that is gone takes everything. */
  async send(kind: number, data: Uint8Array): Promise<void> {
    const message = Buffer.allocUnsafe(data.length + 1);
    message[0] = kind;
    message.set(data, 1);
    await this.#send(message);
    this.#unacknowledged += data.length;
    while (this.#acknowledges && this.#unacknowledged > WINDOW_BYTES && !this.#gone.signal.aborted) {
      await this.#taken.promise;
    }
  }

  /** Sends text. */
  async sendText(text: string): Promise<void> {
    await this.#send(text);
  }

  /** Makes the client's word on what it took count; see `API_FRAMES.taken`. */
  withWindow(): this {
    this.#acknowledges = true;
    return this;
  }

  close(code: number, reason = ""): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.close(code, shortened(reason));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ping);
    this.close(1000);
  }

  #taken = Promise.withResolvers<void>();

  #onMessage(data: Buffer, isBinary: boolean): void {
    const message = isBinary ? { kind: data[0] ?? 0, data: data.subarray(1) } : data.toString("utf8");
    if (typeof message !== "string" && message.kind === API_FRAMES.taken) {
      this.#onTaken(message.data);
      return;
    }
    this.#waiting.push(message);
    this.#waitingBytes += sizeOf(message);
    if (this.#waitingBytes >= WAITING_MAX_BYTES) this.#socket.pause();
    this.#wake.resolve();
  }

  #onTaken(data: Uint8Array): void {
    const bytes = data.length === 4 ? new DataView(data.buffer, data.byteOffset).getUint32(0) : 0;
    this.#unacknowledged = Math.max(0, this.#unacknowledged - bytes);
    this.#taken.resolve();
    this.#taken = Promise.withResolvers<void>();
  }

  #onClose(code: number): void {
    this.closeCode ??= code;
    clearInterval(this.#ping);
    this.#gone.abort();
    this.#wake.resolve();
    this.#taken.resolve();
  }

  #onPing(): void {
    if (this.#isAlive) this.#socket.ping();
    else this.#socket.terminate();
    this.#isAlive = false;
  }

  #send(message: Buffer | string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.readyState !== this.#socket.OPEN) return Promise.resolve();
    this.#socket.send(message, () => resolve());
    return promise;
  }
}

function sizeOf(message: SocketMessage): number {
  return typeof message === "string" ? message.length : message.data.length + 1;
}

/** A close frame has room for 123 bytes. */
function shortened(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > REASON_MAX_BYTES) text = text.slice(0, -1);
  return text.toWellFormed();
}
