import { isBandSoxError } from "@bandsox/contract";
import { unlessAborted } from "./call-limit.ts";
import { explainFailure } from "./failure.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import { PingLine } from "./ping-line.ts";

/** A VM is not idle for as long as a connection is kept, so that is not long */
const KEEP_MS = 1000;

interface Kept {
  readonly opened: Promise<PingLine>;
  line: PingLine | undefined;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** The connections for pings, by the socket a guest is reached at, each kept for a second after its last use. */
export class PingLines implements Disposable {
  readonly #kept = new Map<string, Kept>();

  /** Whether a connection stands; one is closed by the end of its VMM. */
  isConnected(socketPath: string): boolean {
    return this.#kept.get(socketPath)?.line?.isOpen ?? false;
  }

  /**
   * @returns the time of one round trip to the agent in ms, the making of a connection not counted.
   * @throws {BandSoxError} as `PingLine` does
   */
  async ping(endpoint: GuestEndpoint, signal?: AbortSignal): Promise<number> {
    const isKept = this.isConnected(endpoint.socketPath);
    try {
      return await this.#pingOnce(endpoint, signal);
    } catch (error) {
      // A kept connection may have ended since; a ping repeats nothing.
      const hasEnded = isKept && !this.isConnected(endpoint.socketPath);
      if (!hasEnded || !isBandSoxError(error, "guest_unreachable")) throw error;
      return await this.#pingOnce(endpoint, signal);
    }
  }

  [Symbol.dispose](): void {
    for (const [socketPath, kept] of this.#kept) this.#forget(socketPath, kept);
  }

  async #pingOnce(endpoint: GuestEndpoint, signal: AbortSignal | undefined): Promise<number> {
    const { vmId, socketPath } = endpoint;
    const kept = this.#usable(socketPath) ?? this.#open(endpoint);
    clearTimeout(kept.timer);
    kept.users++;
    try {
      const line = await (signal ? unlessAborted(signal, kept.opened, () => {}) : kept.opened);
      return await line.ping(signal);
    } catch (error) {
      throw explainFailure(error, { vmId, limit: signal && { signal, isLate: false } });
    } finally {
      kept.users--;
      if (kept.users === 0) kept.timer = setTimeout(() => this.#forget(socketPath, kept), KEEP_MS).unref();
    }
  }

  #usable(socketPath: string): Kept | undefined {
    const kept = this.#kept.get(socketPath);
    return kept?.line && !kept.line.isOpen ? undefined : kept;
  }

  #open(endpoint: GuestEndpoint): Kept {
    const { socketPath } = endpoint;
    const kept: Kept = { opened: PingLine.open(endpoint), line: undefined, users: 0, timer: undefined };
    this.#kept.set(socketPath, kept);
    kept.opened.then(
      (line) => {
        kept.line = line;
        if (this.#kept.get(socketPath) !== kept) line[Symbol.dispose](); // forgotten meanwhile
      },
      () => this.#forget(socketPath, kept),
    );
    return kept;
  }

  #forget(socketPath: string, kept: Kept): void {
    if (this.#kept.get(socketPath) === kept) this.#kept.delete(socketPath);
    clearTimeout(kept.timer);
    kept.line?.[Symbol.dispose]();
  }
}
