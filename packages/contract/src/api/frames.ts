/**
 * Frames between server and client: `kind` (1 byte), `length` (4 bytes, big endian), `length` bytes. In a WebSocket each
 * message is one frame, and has no length.
 */

const HEADER_BYTES = 5;
/** The most bytes one frame carries. */
export const API_FRAME_MAX_BYTES = 16 * 1024 * 1024;

/** Kinds of frames. Those up to 15 are the server's. */
export const API_FRAMES = {
  /** What a command prints, or what comes in on a TCP connection */
  stdout: 1,
  stderr: 2,
  /** JSON of how the command ended; the last frame */
  exit: 3,
  /** JSON of bytes a session's journal no longer holds */
  gap: 4,
  /** JSON of a problem; the last frame */
  error: 5,
  /** JSON of what was begun: a session's id, and the offsets its output goes on from */
  begun: 6,
  /** The guest's side of a TCP connection has said all; ours may go on */
  ended: 7,
  /** What a command reads, or what goes out on a TCP connection */
  stdin: 16,
  /** The end of that */
  eof: 17,
  /** JSON of a terminal's size */
  resize: 18,
  /** JSON `{ "signal": "SIGINT" }` */
  signal: 19,
  /** How many bytes of output were taken by who reads them (4 bytes, big endian), so that more is sent */
  taken: 20,
} as const;

/** A frame, however it was carried. */
export interface ApiFrame {
  readonly kind: number;
  readonly data: Uint8Array;
}

/** A frame for a stream of bytes. */
export function encodeFrame(kind: number, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + data.length);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, data.length);
  frame.set(data, HEADER_BYTES);
  return frame;
}

/** Cuts a stream of bytes into frames, however it is chunked. @throws {RangeError} when the format is broken */
export async function* decodeFrames(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ApiFrame, void, undefined> {
  let parts: Uint8Array[] = [];
  let held = 0;
  let wanted = HEADER_BYTES;
  for await (const chunk of chunks) {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) continue;
    let bytes = joined(parts, held);
    for (;;) {
      wanted = HEADER_BYTES + (bytes.length < HEADER_BYTES ? 0 : lengthOf(bytes));
      if (bytes.length < wanted || bytes.length < HEADER_BYTES) break;
      yield { kind: bytes[0] ?? 0, data: bytes.subarray(HEADER_BYTES, wanted) };
      bytes = bytes.subarray(wanted);
    }
    parts = bytes.length > 0 ? [bytes] : [];
    held = bytes.length;
  }
  if (held > 0) throw new RangeError(`the stream ended inside a frame, after ${held} bytes of it`);
}

function lengthOf(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (length > API_FRAME_MAX_BYTES) throw new RangeError(`a frame announces ${length} bytes`);
  return length;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const all = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
