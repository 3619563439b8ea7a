import { isBandSoxError } from "./error.ts";
import { ChannelClosed } from "./frame-channel.ts";

const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 2_000;
/** Time without any progress after which a connection is given up */
const PATIENCE_MS = 60_000;

/** Decides whether, and after what time, a connection that broke is made again. */
export class Reconnecting {
  #pauseMs = PAUSE_MIN_MS;
  #since: number | undefined;

  /** Something came: what broke before is forgotten. */
  progressed(): void {
    this.#pauseMs = PAUSE_MIN_MS;
    this.#since = undefined;
  }

  /** Waits before the next attempt. @throws what broke the connection when it does not pass, or for too long */
  async after(error: unknown, signal: AbortSignal): Promise<void> {
    const isPassing =
      (error instanceof ChannelClosed && error.isPassing) || isBandSoxError(error, "server_unreachable");
    this.#since ??= Date.now();
    if (!isPassing || signal.aborted || Date.now() - this.#since > PATIENCE_MS) throw error;
    await paused(this.#pauseMs, signal);
    this.#pauseMs = Math.min(PAUSE_MAX_MS, this.#pauseMs * 2);
  }
}

function paused(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
