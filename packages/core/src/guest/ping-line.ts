import type { Socket } from "node:net";
import type { VmId } from "@bandsox/contract";
import { upgrade } from "./duplex.ts";
import { guestBroken, guestUnreachable } from "./failure.ts";
import { FRAME_HEADER_BYTES } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";

/** Kinds of frames (PROTOCOL.md §4) */
const PING = 20;
const PONG = 9;
const PAYLOAD_BYTES = 8;
const MESSAGE_BYTES = FRAME_HEADER_BYTES + PAYLOAD_BYTES;

interface Waiting {
  readonly number: bigint;
  readonly sentAt: number;
  /** Takes the time of the round trip in ms */
  answer(ms: number): void;
  fail(error: unknown): void;
}

/** A connection on which the agent in a guest answers pings, one after the other. */
export class PingLine {
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
    socket.once("close", () => this.#fail(this.#closed()));
    socket.unref(); // keeps no process: while somebody waits, the time limit does
  }

  /**
   * Opens one that lives until `signal` fires.
   *
   * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`, `guest_outdated`: an agent without pings
   */
  static async open(endpoint: GuestEndpoint, signal: AbortSignal): Promise<PingLine> {
    const { socket } = await upgrade(endpoint, {
      ...{ method: "GET", path: "/v1/ping", upgrade: "bandsox-frames", signal },
    });
    return new PingLine(endpoint.vmId, socket);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /**
   * Who gives one up by `signal` leaves the line to others that wait on it, and then ends it: what is not answered stays.
   *
   * @returns the time of one round trip in ms
   * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`; the signal's reason
   */
  async ping(signal: AbortSignal): Promise<number> {
    if (!this.isOpen) throw this.#closed();
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.push({ number: ++this.#sent, sentAt: performance.now(), answer: resolve, fail: reject });
    this.#socket.write(pingOf(this.#sent));
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
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

  #closed(): Error {
    return guestUnreachable(this.#vmId, "the connection was closed");
  }

  #fail(error: Error): void {
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}

function pingOf(number: bigint): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES);
  message.writeUInt8(PING);
  message.writeUInt32BE(PAYLOAD_BYTES, 1);
  message.writeBigUInt64BE(number, FRAME_HEADER_BYTES);
  return message;
}

function isPong(message: Buffer, number: bigint): boolean {
  return (
    message.readUInt8() === PONG &&
    message.readUInt32BE(1) === PAYLOAD_BYTES &&
    message.readBigUInt64BE(FRAME_HEADER_BYTES) === number
  );
}
