import { isBandSoxError } from "@bandsox/contract";
import type { BandSox } from "bandsox";
import type { FastifyBaseLogger } from "fastify";

const AGAIN_MS = 10_000;

export interface KeepUpOptions {
  readonly bandsox: BandSox;
  readonly log: FastifyBaseLogger;
}

/**
 * Does what somebody who stays has to do for a storage: notes what happens to VMs by themselves when it happens, and
 * fills the pools. Disposing of it ends it; what fails is told and tried again.
 */
export function keepUp({ bandsox, log }: KeepUpOptions): AsyncDisposable {
  const ending = new AbortController();
  const { signal } = ending;
  const attending = forever(() => bandsox.attend({ signal }), { signal, log, what: "attending failed" });
  const filling = bandsox.pools.fill(undefined, { signal }).catch((error: unknown) => {
    if (!isOver(error, signal)) log.error({ err: error }, "filling the pools failed");
  });
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await Promise.all([attending, filling]);
    },
  };
}

interface Repeated {
  readonly signal: AbortSignal;
  readonly log: FastifyBaseLogger;
  readonly what: string;
}

async function forever(work: () => Promise<unknown>, { signal, log, what }: Repeated): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (isOver(error, signal)) return;
      log.error({ err: error }, what);
    }
    await pause(signal);
  }
}

function isOver(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || isBandSoxError(error, "storage_closed");
}

function pause(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, AGAIN_MS).unref();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
