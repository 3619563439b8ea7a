import { isBandSoxError } from "@bandsox/contract";
import { CallLimit, unlessAborted } from "./call-limit.ts";
import { explainFailure, guestUnreachable } from "./failure.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { PingLine } from "./ping-line.ts";

export interface PingLinesOptions {
  /** How long a connection is kept after its last use, in ms (default: `1000`) */
  readonly keepMs?: number;
  /** How long a guest may take for all that a ping needs, in ms; an emulated one that is busy is slow (default: `60000`) */
  readonly answerMs?: number;
}

interface Kept {
  readonly opening: Promise<PingLine>;
  /** Ends the connection, one that is being made, too */
  readonly closing: AbortController;
  line: PingLine | undefined;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The connections for pings, by the socket a guest is reached at. One on which a ping failed or was given up gets no more:
 * the next may be answered where it was not.
 */
export class PingLines implements Disposable {
  readonly #keepMs: number;
  readonly #answerMs: number;
  /** Those that are used for the next ping */
  readonly #kept = new Map<string, Kept>();
  readonly #all = new Set<Kept>();
  #isDisposed = false;

  constructor({ keepMs = 1000, answerMs = 60_000 }: PingLinesOptions = {}) {
    this.#keepMs = keepMs;
    this.#answerMs = answerMs;
  }

  /** Whether a connection stands; one is closed by the end of its VMM. */
  isConnected(socketPath: string): boolean {
    return this.#kept.get(socketPath)?.line?.isOpen ?? false;
  }

  /**
   * @returns the time of one round trip to the agent in ms, the making of a connection not counted.
   * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `guest_outdated`, `interrupted`
   */
  async ping(endpoint: GuestEndpoint, caller?: AbortSignal): Promise<number> {
    using limit = new CallLimit(caller, this.#answerMs);
    const { signal } = limit;
    const isKept = this.isConnected(endpoint.socketPath);
    try {
      return await this.#pingOnce(endpoint, signal).catch((error: unknown) => {
        // A kept connection may have ended since it was used last; a ping repeats nothing.
        if (isKept && isBandSoxError(error, "guest_unreachable")) return this.#pingOnce(endpoint, signal);
        throw error;
      });
    } catch (error) {
      throw explainFailure(error, { vmId: endpoint.vmId, limit });
    }
  }

  /** Ends all that is under way. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const [socketPath, kept] of this.#kept) this.#retire(socketPath, kept);
    for (const kept of this.#all) this.#close(kept);
  }

  async #pingOnce(endpoint: GuestEndpoint, signal: AbortSignal): Promise<number> {
    const { vmId, socketPath } = endpoint;
    if (this.#isDisposed) throw guestUnreachable(vmId, "the storage was closed");
    signal.throwIfAborted();
    const kept = this.#usable(socketPath) ?? this.#open(endpoint);
    clearTimeout(kept.timer);
    kept.users++;
    try {
      return await (await unlessAborted(signal, kept.opening, () => {})).ping(signal);
    } catch (error) {
      // One that is still being made is of use to the next, whose time may be as short.
      if (kept.line || !signal.aborted) this.#retire(socketPath, kept);
      throw error;
    } finally {
      kept.users--;
      this.#release(socketPath, kept);
    }
  }

  #usable(socketPath: string): Kept | undefined {
    const kept = this.#kept.get(socketPath);
    return kept?.line && !kept.line.isOpen ? undefined : kept;
  }

  #open(endpoint: GuestEndpoint): Kept {
    const closing = new AbortController();
    const opening = PingLine.open(endpoint, closing.signal);
    const kept: Kept = { opening, closing, line: undefined, users: 0, timer: undefined };
    this.#kept.set(endpoint.socketPath, kept);
    this.#all.add(kept);
    opening.then(
      (line) => {
        kept.line = line;
      },
      () => {}, // told to those who wait for it
    );
    return kept;
  }

  #retire(socketPath: string, kept: Kept): void {
    if (this.#kept.get(socketPath) === kept) this.#kept.delete(socketPath);
  }

  #release(socketPath: string, kept: Kept): void {
    if (kept.users > 0) return;
    const end = () => {
      this.#retire(socketPath, kept);
      this.#close(kept);
    };
    if (this.#kept.get(socketPath) === kept) kept.timer = setTimeout(end, this.#keepMs).unref();
    else end();
  }

  #close(kept: Kept): void {
    clearTimeout(kept.timer);
    this.#all.delete(kept);
    kept.closing.abort();
  }
}
