/**
 * Bodies of files and archives (PROTOCOL.md §4): data frames and one end frame, which says how many bytes came before
 * it and what they hash to. A body without its end frame is broken, never complete.
 */
import { z } from "zod";
import { FRAME_HEADER_BYTES, FRAME_MAX_BYTES, FrameError, readFrames } from "../frames.ts";
import { newXxh64, type Xxh64 } from "./xxh64.ts";

export const DATA_FRAME_KINDS = { data: 5, end: 6 } as const;
const KINDS = new Set(Object.values(DATA_FRAME_KINDS));
/** Data frames handed to the connection in one piece */
const FRAMES_PER_CHUNK = 16;

const End = z.object({ bytes: z.int().min(0), xxh64: z.string().regex(/^[0-9a-f]{16}$/) });

/** Thrown when a body is not what its end frame says. */
export class ChecksumError extends Error {
  override readonly name = "ChecksumError";
}

/**
 * Yields the data of a body as it arrives, and verifies it.
 *
 * @param start what came before over other connections, which the end frame speaks of too; what comes is added to it
 * @throws {FrameError} on a body that breaks the format or has more than `limitBytes`
 * @throws {ChecksumError} when bytes are lost or damaged
 */
export async function* readData(
  body: AsyncIterable<Uint8Array>,
  limitBytes: number,
  start?: { bytes: number; readonly hash: Xxh64 },
): AsyncGenerator<Uint8Array, void, undefined> {
  const had = start ?? { bytes: 0, hash: await newXxh64() };
  for await (const { kind, data } of readFrames(body, KINDS, DATA_FRAME_KINDS.data)) {
    if (kind === DATA_FRAME_KINDS.end) return verify(parseEnd(data), had.bytes, had.hash.digest());
    had.bytes += data.length;
    if (had.bytes > limitBytes)
      throw new FrameError(`more than the ${limitBytes} bytes that were due arrived`);
    had.hash.update(data);
    yield data;
  }
  throw new Error(`the body ended without its last frame, after ${had.bytes} bytes`);
}

function verify(end: z.infer<typeof End>, bytes: number, xxh64: string): void {
  if (end.bytes !== bytes) throw new ChecksumError(`${bytes} bytes arrived where ${end.bytes} were sent`);
  if (end.xxh64 !== xxh64) throw new ChecksumError(`the bytes hash to ${xxh64} instead of ${end.xxh64}`);
}

function parseEnd(data: Uint8Array): z.infer<typeof End> {
  const end = End.safeParse(parseJson(data));
  if (!end.success) throw new FrameError("the end frame is not what it should be");
  return end.data;
}

/** The JSON of a frame; `undefined`, which no schema takes, when it is none. */
export function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Where a body begins: bytes that are in the guest already, and what they hash to. */
export interface BodyStart {
  readonly bytes: number;
  readonly hash: Xxh64;
}

/** Frames data for the guest and ends it with its checksum, which covers what came before `start` too. */
export async function* toFrames(
  source: AsyncIterable<Uint8Array>,
  start?: BodyStart,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = start?.hash ?? (await newXxh64());
  let bytes = start?.bytes ?? 0;
  for await (const data of source) {
    hash.update(data);
    bytes += data.length;
    yield* frameData(data);
  }
  yield endFrame(bytes, hash);
}

/** The end frame of a body. */
export function endFrame(bytes: number, hash: Xxh64): Buffer {
  const end = JSON.stringify({ bytes, xxh64: hash.digest() } satisfies z.infer<typeof End>);
  return encodeFrame(DATA_FRAME_KINDS.end, Buffer.from(end));
}

/** Data frames. Many share one buffer, so that a large chunk costs the connection few writes. */
export function* frameData(data: Uint8Array): Generator<Buffer> {
  const step = FRAME_MAX_BYTES * FRAMES_PER_CHUNK;
  for (let from = 0; from < data.length; from += step) {
    const part = data.subarray(from, from + step);
    const count = Math.ceil(part.length / FRAME_MAX_BYTES);
    const out = Buffer.allocUnsafe(part.length + count * FRAME_HEADER_BYTES);
    for (let index = 0, at = 0; index < count; index++) {
      const piece = part.subarray(index * FRAME_MAX_BYTES, (index + 1) * FRAME_MAX_BYTES);
      putHeader(out, at, DATA_FRAME_KINDS.data, piece.length);
      out.set(piece, at + FRAME_HEADER_BYTES);
      at += FRAME_HEADER_BYTES + piece.length;
    }
    yield out;
  }
}

function encodeFrame(kind: number, data: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + data.length);
  putHeader(out, 0, kind, data.length);
  out.set(data, FRAME_HEADER_BYTES);
  return out;
}

/** Writes the header of a frame whose payload has `length` bytes. */
export function putHeader(out: Buffer, at: number, kind: number, length: number): void {
  out.writeUInt8(kind, at);
  out.writeUInt32BE(length, at + 1);
}
