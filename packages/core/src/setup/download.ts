import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BandSoxError } from "@bandsox/contract";
import { EnvHttpProxyAgent, fetch } from "undici";

const CONNECT_TIMEOUT_MS = 5_000;
const SILENCE_TIMEOUT_MS = 30_000;
const REPORT_EVERY_BYTES = 4 * 1024 * 1024;
const TEXT_LIMIT_BYTES = 4 * 1024 * 1024;

const dispatcher = new EnvHttpProxyAgent({
  connect: { timeout: CONNECT_TIMEOUT_MS },
  headersTimeout: SILENCE_TIMEOUT_MS,
  bodyTimeout: SILENCE_TIMEOUT_MS,
  keepAliveTimeout: 1,
});

export interface DownloadOptions {
  readonly path: string;
  /** Largest accepted size in bytes */
  readonly limitBytes: number;
  readonly onFraction?: (fraction: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads `url` to a file and returns its sha256 in hex. What is at `path` after a failure is incomplete.
 *
 * @throws {BandSoxError} `kernel_unavailable` when it cannot be had whole: unreachable (5 s), silent (30 s), refused,
 *   cut short or too large
 */
export async function download(url: string, options: DownloadOptions): Promise<string> {
  const response = await get(url, options.signal);
  const expected = Number(response.headers.get("content-length") ?? Number.NaN);
  if (!response.body) throw unavailable(url, "the answer is empty");
  const meter = meteredHash(url, { ...options, expected });
  try {
    await pipeline(Readable.fromWeb(response.body), meter.stream, createWriteStream(options.path), {
      signal: options.signal,
    });
  } catch (error) {
    throw asUnavailable(url, error);
  }
  // A content coding makes the two differ by right.
  const encoded = response.headers.get("content-encoding") !== null;
  if (!encoded && expected >= 0 && meter.received() !== expected) {
    throw unavailable(url, `cut short: ${meter.received()} of ${expected} bytes`);
  }
  return meter.digest();
}

/** Downloads a text of at most 4 MiB. */
export async function downloadText(url: string, signal?: AbortSignal): Promise<string> {
  const response = await get(url, signal);
  const chunks: Uint8Array[] = [];
  let received = 0;
  try {
    for await (const chunk of response.body ?? []) {
      received += chunk.length;
      if (received > TEXT_LIMIT_BYTES) throw unavailable(url, `larger than ${TEXT_LIMIT_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw asUnavailable(url, error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function get(url: string, signal: AbortSignal | undefined) {
  try {
    const response = await fetch(url, { dispatcher, ...(signal ? { signal } : {}) });
    if (response.ok) return response;
    await response.body?.cancel();
    throw unavailable(url, `HTTP ${response.status}`);
  } catch (error) {
    throw asUnavailable(url, error);
  }
}

function meteredHash(url: string, options: DownloadOptions & { expected: number }) {
  const hash = createHash("sha256");
  let received = 0;
  let reported = 0;
  const stream = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      received += chunk.length;
      if (received > options.limitBytes)
        return done(unavailable(url, `larger than ${options.limitBytes} bytes`));
      hash.update(chunk);
      if (received - reported >= REPORT_EVERY_BYTES && options.expected > 0) {
        reported = received;
        options.onFraction?.(Math.min(1, received / options.expected));
      }
      done(null, chunk);
    },
  });
  return { stream, received: () => received, digest: () => hash.digest("hex") };
}

function asUnavailable(url: string, error: unknown): unknown {
  if (error instanceof BandSoxError || (error as Error).name === "AbortError") return error;
  if ((error as NodeJS.ErrnoException).code === "ENOSPC") return error;
  const cause = (error as Error).cause;
  return unavailable(url, (cause instanceof Error && cause.message) || (error as Error).message, error);
}

function unavailable(url: string, reason: string, cause?: unknown): BandSoxError {
  return new BandSoxError("kernel_unavailable", `${url}: ${reason}`, { sources: [url] }, { cause });
}
