import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { refusalOf } from "./call.ts";
import { CallLimit } from "./call-limit.ts";
import { exchange, type GuestRequest } from "./exchange.ts";
import { explainFailure, guestBroken, guestUnreachable, type Refusals } from "./failure.ts";
import { FRAME_HEADER_BYTES, FRAME_KINDS, FRAME_MAX_BYTES, type Frame, readFrames } from "./frames.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { StdinWindow } from "./stdin-window.ts";

const HANDSHAKE_TIMEOUT_MS = 60_000;

const { stdout, stderr, exit, gap, taken } = FRAME_KINDS;
const GUEST_KINDS: ReadonlySet<DuplexKind> = new Set([stdout, stderr, exit, gap, taken] as const);
type DuplexKind = typeof stdout | typeof stderr | typeof exit | typeof gap | typeof taken;

/** Kinds of frames the host sends (PROTOCOL.md §4). */
export const INPUT_KINDS = { stdin: 16, eof: 17, resize: 18, signal: 19 } as const;

export interface UpgradeRequest extends Omit<GuestRequest, "upgrade"> {
  readonly upgrade: string;
  /** Time until the guest must have agreed, in ms (default: `60000`) */
  readonly handshakeMs?: number;
  readonly refusals?: Refusals;
}

/** A bare connection, and what the guest said when it agreed to it. */
export interface Upgraded {
  readonly socket: Socket;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Asks the guest to change protocols and returns the bare connection. `signal` destroys it at any time.
 *
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`, and what `refusals` names
 */
export async function upgrade(endpoint: GuestEndpoint, request: UpgradeRequest): Promise<Upgraded> {
  const { vmId } = endpoint;
  const { handshakeMs = HANDSHAKE_TIMEOUT_MS, signal } = request;
  // Disposed of, it has no more time of its own: an open connection lives for as long as it is used.
  using handshake = new CallLimit(undefined, handshakeMs);
  const either = signal ? AbortSignal.any([handshake.signal, signal]) : handshake.signal;
  try {
    const answer = await exchange(endpoint, { ...request, signal: either });
    if ("socket" in answer) return answer;
    const { response } = answer;
    try {
      if ((response.statusCode ?? 0) >= 300) {
        throw await refusalOf(endpoint, { statusCode: response.statusCode, body: response }, request);
      }
      throw guestBroken(vmId, `it answered ${response.statusCode} instead of changing protocols`);
    } finally {
      response.destroy();
    }
  } catch (error) {
    throw explainFailure(error, { vmId, limit: { signal: either, isLate: handshake.isLate } });
  }
}

interface DuplexParts {
  readonly endpoint: GuestEndpoint;
  readonly window: StdinWindow;
}

export interface FrameDuplexOptions extends Omit<UpgradeRequest, "upgrade"> {
  /** How much stdin may be on its way, over all connections of a command (default: one of its own) */
  readonly window?: StdinWindow;
}

/**
 * A connection that carries frames both ways. Back pressure is the connection's: frames that are not read stop
 * the guest, and `send` resolves when the connection took the bytes. The guest's word on how much stdin was taken
 * comes with its frames: stdin goes on only while they are read.
 */
export class FrameDuplex implements Disposable {
  /** What the guest said when it agreed to the connection */
  readonly headers: IncomingHttpHeaders;
  readonly #socket: Socket;
  readonly #endpoint: GuestEndpoint;
  readonly #window: StdinWindow;
  #isDisposed = false;

  private constructor({ socket, headers }: Upgraded, { endpoint, window }: DuplexParts) {
    this.#socket = socket;
    this.headers = headers;
    this.#endpoint = endpoint;
    this.#window = window;
  }

  /** Opens a duplex call. @throws {BandSoxError} as `upgrade` does */
  static async open(
    endpoint: GuestEndpoint,
    { window = new StdinWindow(), ...request }: FrameDuplexOptions,
  ): Promise<FrameDuplex> {
    const upgraded = await upgrade(endpoint, { ...request, upgrade: "bandsox-frames" });
    return new FrameDuplex(upgraded, { endpoint, window });
  }

  /**
   * The frames the guest sends, until it closes. Once; leaving the iteration closes the connection.
   *
   * @throws {BandSoxError} `guest_protocol`, `guest_unreachable`, `interrupted`
   */
  async *frames(): AsyncGenerator<Frame, void, undefined> {
    try {
      for await (const frame of readFrames(this.#socket, GUEST_KINDS)) {
        if (frame.kind === taken) this.#window.onTaken(frame.data);
        else yield frame;
      }
    } catch (error) {
      throw explainFailure(error, { vmId: this.#endpoint.vmId });
    }
  }

  /** Sends stdin, no faster than the command takes it. @throws when the connection is gone */
  async sendStdin(data: Uint8Array): Promise<void> {
    for (let offset = 0; offset < data.length; ) {
      // The window may be that of the next connection by now.
      if (this.#isDisposed) throw guestUnreachable(this.#endpoint.vmId, "the connection was closed");
      const length = await this.#window.reserve(Math.min(data.length - offset, FRAME_MAX_BYTES));
      await this.#send(INPUT_KINDS.stdin, data.subarray(offset, offset + length));
      offset += length;
    }
  }

  /** Ends the command's stdin. @throws when the connection is gone */
  async endStdin(): Promise<void> {
    await this.#send(INPUT_KINDS.eof, new Uint8Array(0));
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#socket.destroy();
    this.#window.abandon();
  }

  async #send(kind: number, data: Uint8Array): Promise<void> {
    // What the guest has sent is taken in before more is written: a write to a connection the guest has closed
    // destroys it together with the last frames nobody has read.
    await nextTurn();
    await this.#write(kind, data);
  }

  #write(kind: number, data: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUInt8(kind);
    header.writeUInt32BE(data.length, 1);
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    this.#socket.cork();
    this.#socket.write(header, data.length === 0 ? done : undefined);
    if (data.length > 0) this.#socket.write(data, done);
    this.#socket.uncork();
    return promise;
  }
}
