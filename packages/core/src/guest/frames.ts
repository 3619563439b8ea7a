/**
 * Frames (PROTOCOL.md §4): `kind` (1 byte), `length` (4 bytes, big endian), `length` bytes.
 * The sender is a guest and hostile: a header that is wrong ends the stream before a byte after it is kept.
 */

/** What precedes each frame's bytes. */
export const FRAME_HEADER_BYTES = 5;
/** The most bytes one frame carries. */
export const FRAME_MAX_BYTES = 65_536;

/** Kinds of frames a guest sends, by name. */
export const FRAME_KINDS = {
  stdout: 1,
  stderr: 2,
  exit: 3,
  gap: 4,
  data: 5,
  end: 6,
  event: 7,
  taken: 8,
} as const;
export type FrameKind = (typeof FRAME_KINDS)[keyof typeof FRAME_KINDS];

const KINDS: ReadonlySet<number> = new Set([FRAME_KINDS.stdout, FRAME_KINDS.stderr, FRAME_KINDS.exit]);

export interface Frame<K extends number = FrameKind> {
  readonly kind: K;
  /**
   * Never empty, and no part of a larger buffer: who keeps it keeps these bytes and no others; but of frames that come in
   * parts, a large part of what arrived
   */
  readonly data: Uint8Array;
}

/** Thrown on a stream that breaks the format. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Thrown on a stream that ends inside a frame, as that of a broken connection does. */
export class TornFrameError extends Error {
  override readonly name = "TornFrameError";
}

/**
 * Cuts a byte stream into frames, however it is chunked. Holds at most one frame and one chunk.
 *
 * @param kinds the kinds that may come (default: those of an exec)
 * @param inParts a kind whose frames are told in the parts they arrive in, which spares a copy of each byte (default: none)
 */
export function readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame>;
export function readFrames<K extends number>(
  chunks: AsyncIterable<Uint8Array>,
  kinds: ReadonlySet<K>,
  inParts?: K,
): AsyncGenerator<Frame<K>>;
export async function* readFrames(
  chunks: AsyncIterable<Uint8Array>,
  kinds: ReadonlySet<number> = KINDS,
  inParts?: number,
): AsyncGenerator<Frame<number>> {
  let header = filling(FRAME_HEADER_BYTES);
  let frame: (Announced & { readonly whole?: Uint8Array }) | undefined;
  for await (const chunk of chunks) {
    let offset = 0;
    while (offset < chunk.length) {
      if (!frame) {
        offset += fill(header, chunk.subarray(offset));
        if (header.filled < FRAME_HEADER_BYTES) break;
        const { kind, length } = announced(header.bytes, kinds);
        frame = { kind, length, filled: 0, ...(kind === inParts ? {} : { whole: new Uint8Array(length) }) };
        header = filling(FRAME_HEADER_BYTES);
        continue;
      }
      const part = chunk.subarray(offset, offset + frame.length - frame.filled);
      offset += part.length;
      frame.whole?.set(part, frame.filled);
      frame.filled += part.length;
      const { kind, whole, filled, length } = frame;
      if (filled === length) frame = undefined;
      if (!whole) yield { kind, data: compact(part) };
      else if (filled === length) yield { kind, data: whole };
    }
  }
  if (!frame && header.filled === 0) return;
  const received = frame ? FRAME_HEADER_BYTES + frame.filled : header.filled;
  throw new TornFrameError(`the stream ended inside a frame, after ${received} bytes of it`);
}

/** A small part of a large buffer is copied: who keeps many of them would keep as many buffers, which a guest can make large. */
function compact(part: Uint8Array): Uint8Array {
  return part.length * 2 >= part.buffer.byteLength ? part : new Uint8Array(part);
}

/** A frame of which some has come. */
interface Announced {
  readonly kind: number;
  readonly length: number;
  filled: number;
}

interface Filling {
  readonly bytes: Uint8Array;
  filled: number;
}

function filling(size: number): Filling {
  return { bytes: new Uint8Array(size), filled: 0 };
}

/** Copies as much of the source as fits. @returns how much that was */
function fill(target: Filling, source: Uint8Array): number {
  const part = source.subarray(0, target.bytes.length - target.filled);
  target.bytes.set(part, target.filled);
  target.filled += part.length;
  return part.length;
}

/** What a header announces. */
function announced(header: Uint8Array, kinds: ReadonlySet<number>): { kind: number; length: number } {
  const kind = header[0] ?? 0;
  const length = new DataView(header.buffer).getUint32(1);
  if (!kinds.has(kind)) throw new FrameError(`a frame is of the unknown kind ${kind}`);
  if (length > FRAME_MAX_BYTES)
    throw new FrameError(`a frame announces ${length} bytes, more than ${FRAME_MAX_BYTES}`);
  if (length === 0) throw new FrameError(`a frame of kind ${kind} is empty`);
  return { kind, length };
}
