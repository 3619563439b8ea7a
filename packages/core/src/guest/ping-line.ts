import type { Socket } from "node:net";
import type { VmId } from "@bandsox/contract";
import { CallLimit } from "./call-limit.ts";
import { upgrade } from "./duplex.ts";
import { explainFailure, guestBroken, guestUnreachable } from "./failure.ts";
import { FRAME_HEADER_BYTES } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";

/** Kinds of frames (PROTOCOL.md §4) */
const PING = 20;
const PONG = 9;
const PAYLOAD_BYTES = 8;
const MESSAGE_BYTES = FRAME_HEADER_BYTES + PAYLOAD_BYTES;
/** How long a guest may take to answer, in ms; an emulated one that is busy is slow */
const ANSWER_TIMEOUT_MS = 60_000;

interface Waiting {
  readonly number: bigint;
  readonly sentAt: number;
  /** Takes the time of the round trip in ms */
  answer(ms: number): void;
  fail(error: Error): void;
}

/** A connection on which the agent in a guest answers pings, one after the other. */
export class PingLine implements Disposable {
  readonly #vmId: VmId;
  readonly #socket: Socket;
  /** In the order they were sent, and so answered; those nobody waits for any more included */
  readonly #waiting: Waiting[] = [];
  #sent = 0n;
  #unread: Buffer = Buffer.alloc(0);

  private constructor(vmId: VmId, socket: Socket) {
    this.#vmId = vmId;
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.once("close", () => this.#fail(guestUnreachable(vmId, "the connection was closed")));
    socket.unref(); // keeps no process: while somebody waits, the time limit does
  }

  /** @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `guest_outdated`: an agent that knows no pings */
  static async open(endpoint: GuestEndpoint): Promise<PingLine> {
    const { socket } = await upgrade(endpoint, {
      method: "GET",
      path: "/v1/ping",
      upgrade: "bandsox-frames",
    });
    return new PingLine(endpoint.vmId, socket);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** @returns the time of one round trip in ms. @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted` */
  async ping(signal?: AbortSignal): Promise<number> {
    using limit = new CallLimit(signal, ANSWER_TIMEOUT_MS);
    try {
      limit.signal.throwIfAborted();
      return await this.#roundTrip(limit.signal);
    } catch (error) {
      if (limit.isLate) this.#socket.destroy();
      throw explainFailure(error, { vmId: this.#vmId, limit });
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #roundTrip(signal: AbortSignal): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (!this.isOpen) throw guestUnreachable(this.#vmId, "the connection was closed");
    const message = Buffer.alloc(MESSAGE_BYTES);
    message.writeUInt8(PING);
    message.writeUInt32BE(PAYLOAD_BYTES, 1);
    message.writeBigUInt64BE(++this.#sent, FRAME_HEADER_BYTES);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.#waiting.push({ number: this.#sent, sentAt: performance.now(), answer: resolve, fail: reject });
    this.#socket.write(message);
    return promise;
  }

  #onData(chunk: Buffer): void {
    const now = performance.now();
    let unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    for (; unread.length >= MESSAGE_BYTES; unread = unread.subarray(MESSAGE_BYTES)) {
      const waiting = this.#waiting.shift();
      if (!waiting || !isPong(unread, waiting.number)) {
        const broken = guestBroken(this.#vmId, "it answered a ping with something else");
        waiting?.fail(broken);
        this.#fail(broken);
        this.#socket.destroy();
        return;
      }
      waiting.answer(now - waiting.sentAt);
    }
    this.#unread = unread;
  }

  #fail(error: Error): void {
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}

function isPong(message: Buffer, number: bigint): boolean {
  return (
    message.readUInt8() === PONG &&
    message.readUInt32BE(1) === PAYLOAD_BYTES &&
    message.readBigUInt64BE(FRAME_HEADER_BYTES) === number
  );
}
