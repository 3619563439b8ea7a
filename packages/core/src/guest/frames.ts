/**
 * Exec frames (PROTOCOL.md §4): `kind` (1 byte), `length` (4 bytes, big endian), `length` bytes.
 * The sender is a guest and hostile: a length beyond the bound ends the stream before a byte of it is kept.
 */

const HEADER_BYTES = 5;
/** The most bytes one frame carries. */
export const FRAME_MAX_BYTES = 65_536;

/** Kinds of frames by name. */
export const FRAME_KINDS = { stdout: 1, stderr: 2, exit: 3 } as const;

export interface Frame {
  readonly kind: number;
  readonly data: Uint8Array;
}

/** Thrown on a stream that breaks the format. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Cuts a byte stream into frames, however it is chunked. Holds at most one frame and one chunk. */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let pending: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let offset = 0;
    for (;;) {
      const frame = frameAt(pending, offset);
      if (!frame) break;
      offset += HEADER_BYTES + frame.data.length;
      yield frame;
    }
    pending = pending.subarray(offset);
  }
  if (pending.length > 0)
    throw new FrameError(`the stream ended inside a frame, after ${pending.length} bytes of it`);
}

function frameAt(bytes: Uint8Array, offset: number): Frame | undefined {
  if (bytes.length - offset < HEADER_BYTES) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset + offset).getUint32(1);
  if (length > FRAME_MAX_BYTES)
    throw new FrameError(`a frame announces ${length} bytes, more than ${FRAME_MAX_BYTES}`);
  const start = offset + HEADER_BYTES;
  if (bytes.length < start + length) return undefined;
  return { kind: bytes[offset] ?? 0, data: bytes.subarray(start, start + length) };
}
