import type { FileHandle } from "node:fs/promises";
import { FRAME_HEADER_BYTES, FRAME_MAX_BYTES } from "../frames.ts";
import { DATA_FRAME_KINDS, putHeader } from "./data-frames.ts";
import { SENT_AHEAD_BYTES } from "./file-channel.ts";
import { withoutFirst } from "./host-file.ts";
import type { Xxh64 } from "./xxh64.ts";

/** Few enough that what was read is still in the processor's cache when it is hashed and sent */
const FRAMES_PER_PIECE = 8;
const FRAME_BYTES = FRAME_HEADER_BYTES + FRAME_MAX_BYTES;
const PIECE_BYTES = FRAMES_PER_PIECE * FRAME_BYTES;
/**
 * Pieces a connection holds at a time: those sent ahead, the one that goes beyond, one that is handed over, and two in the socket,
 * which takes one even when it is full
 */
const PIECES_HELD = Math.ceil(SENT_AHEAD_BYTES / PIECE_BYTES) + 4;

/** Some frames of a file. */
export interface FilePiece {
  readonly piece: Buffer;
  /** Where in the file they end */
  readonly end: number;
}

/**
 * Frames the bytes of a file from one place to another, or to its end if that comes before, and adds them to a checksum. They are
 * read to where they are sent from, and that memory is used again once `FileChannel.send` cannot hold it any more: otherwise
 * a large file would be garbage of its own size, and collecting that took longer than sending it. Should a connection hold more than
 * it may, the checksum tells.
 */
export async function* fileFrames(
  file: FileHandle,
  { from, to }: { readonly from: number; readonly to: number },
  hash: Xxh64,
): AsyncGenerator<FilePiece, void, undefined> {
  const pieces: Buffer[] = [];
  for (let at = from, count = 0; at < to; count++) {
    const memory = pieces[count % PIECES_HELD] ?? Buffer.allocUnsafe(framedSize(to - at));
    pieces[count % PIECES_HELD] = memory;
    const bytes = await readAll(file, payloadsOf(memory, to - at), at);
    if (bytes === 0) return;
    at += bytes;
    yield { piece: sealed(memory, bytes, hash), end: at };
  }
}

/** Fills all places, however little a file gives at a time: what a connection holds is counted in whole pieces. @returns bytes */
async function readAll(file: FileHandle, places: readonly Uint8Array[], from: number): Promise<number> {
  let at = from;
  for (let left = [...places]; left.length > 0; ) {
    const { bytesRead } = await file.readv(left, at);
    if (bytesRead === 0) break;
    left = withoutFirst(left, bytesRead);
    at += bytesRead;
  }
  return at - from;
}

/** Of a piece that holds the next of `left` bytes, in frames. */
function framedSize(left: number): number {
  return Math.min(PIECE_BYTES, left + Math.ceil(left / FRAME_MAX_BYTES) * FRAME_HEADER_BYTES);
}

/** Where in a piece the next of `left` bytes go. */
function payloadsOf(piece: Buffer, left: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (let start = 0; start < piece.length && left > 0; start += FRAME_BYTES) {
    const payload = piece.subarray(start + FRAME_HEADER_BYTES, start + FRAME_BYTES).subarray(0, left);
    payloads.push(payload);
    left -= payload.length;
  }
  return payloads;
}

/** Puts the headers before the first bytes of a piece's payloads. */
function sealed(piece: Buffer, bytes: number, hash: Xxh64): Buffer {
  let end = 0;
  for (let left = bytes; left > 0; left -= FRAME_MAX_BYTES) {
    const length = Math.min(left, FRAME_MAX_BYTES);
    putHeader(piece, end, DATA_FRAME_KINDS.data, length);
    hash.update(piece.subarray(end + FRAME_HEADER_BYTES, end + FRAME_HEADER_BYTES + length));
    end += FRAME_HEADER_BYTES + length;
  }
  return piece.subarray(0, end);
}
