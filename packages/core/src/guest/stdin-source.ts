import type { Readable } from "node:stream";
import { BandSoxError } from "@bandsox/contract";

/**
 * What a command reads from its stdin. A stream or an iterator belongs to the call: whatever of it is not read is
 * given up (destroyed, cancelled or returned) when the command has ended.
 */
export type StdinInput =
  | string
  | Uint8Array
  | Readable
  | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>;

/** Reads one input to its end, or until it is let go. */
export interface StdinSource extends Disposable {
  /** The next bytes; `undefined` at the end */
  next(): Promise<Uint8Array | undefined>;
}

/** Opens any kind of input. @throws {BandSoxError} `invalid_argument` when it is none of them */
export function stdinSource(input: StdinInput): StdinSource {
  if (typeof input === "string" || input instanceof Uint8Array) return onceSource(toBytes(input));
  if (isWebStream(input)) return webSource(input);
  if (typeof input === "object" && input !== null && Symbol.asyncIterator in input)
    return iteratorSource(input);
  throw notBytes(input);
}

function onceSource(bytes: Uint8Array): StdinSource {
  let pending: Uint8Array | undefined = bytes;
  return {
    async next() {
      const bytes = pending;
      pending = undefined;
      return bytes;
    },
    [Symbol.dispose]: () => {},
  };
}

function webSource(stream: ReadableStream<Uint8Array | string>): StdinSource {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? undefined : toBytes(value);
    },
    // A source that fails while it is let go has nobody left to tell.
    [Symbol.dispose]: () => void reader.cancel().catch(() => {}),
  };
}

function iteratorSource(iterable: AsyncIterable<Uint8Array | string>): StdinSource {
  const iterator = iterable[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? undefined : toBytes(value);
    },
    [Symbol.dispose]: () => {
      // A Node stream that waits for data is only woken by its own end; its iterator's return would wait too.
      if ("destroy" in iterable && typeof iterable.destroy === "function") iterable.destroy();
      void iterator.return?.().catch(() => {});
    },
  };
}

function isWebStream(input: unknown): input is ReadableStream<Uint8Array | string> {
  return (
    typeof input === "object" &&
    input !== null &&
    "getReader" in input &&
    typeof input.getReader === "function"
  );
}

function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw notBytes(chunk);
}

function notBytes(found: unknown): BandSoxError {
  const message = `stdin is given as text, bytes, or a stream of them, not as ${typeof found}`;
  return new BandSoxError("invalid_argument", message, { field: "stdin", found: typeof found });
}
