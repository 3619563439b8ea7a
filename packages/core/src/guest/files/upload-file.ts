import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { BandSoxError, FileEntry, isBandSoxError, type TransferProgress } from "@bandsox/contract";
import { nanoid } from "nanoid";
import { z } from "zod";
import { soon } from "./abandon.ts";
import { newAttempts } from "./attempts.ts";
import { type BodyStart, endFrame, toFrames } from "./data-frames.ts";
import { type FileChannel, isBroken } from "./file-channel.ts";
import { hostFileError } from "./file-errors.ts";
import { fileFrames } from "./file-frames.ts";
import { sendResumably } from "./send-resumably.ts";
import { newXxh64 } from "./xxh64.ts";

const READ_BYTES = 1024 * 1024;
const PERMISSION_BITS = 0o777;

/** How a file comes to be in the guest. */
export interface PlaceOptions {
  /** Permission bits (default: those of the file that is replaced, else `0o644`) */
  mode?: number | undefined;
  /** Owner (default: that of the file that is replaced, else root) */
  uid?: number | undefined;
  gid?: number | undefined;
  /** Make missing directories (default: `true`) */
  parents?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface UploadOptions extends PlaceOptions {
  /** Told after each piece that was sent */
  onProgress?: ((progress: TransferProgress) => void) | undefined;
}

/**
 * Writes a stream to a file of the guest, in its place once it is whole. After a broken connection it goes on where the
 * guest says it ended.
 */
export function writeStream(
  channel: FileChannel,
  path: string,
  source: AsyncIterable<Uint8Array>,
  { signal, ...place }: PlaceOptions,
): Promise<FileEntry> {
  const upload = nanoid();
  const task = { path, doing: "write" };
  return sendResumably(source, {
    send(frames, offset) {
      const query = { path, ...placeQuery(place), upload, offset };
      return channel.send({ task, method: "PUT", url: "/v1/file", query, signal }, FileEntry, frames);
    },
    arrived: () => arrivedOf(channel, { to: path, upload, signal }),
    async abandon() {
      const query = { path, upload };
      await channel.json({ task, method: "DELETE", url: "/v1/upload", query, signal: soon() }, z.unknown());
    },
    signal,
  });
}

/** Adds a stream to the end of a file of the guest. What a broken connection brought stays. */
export function appendStream(
  channel: FileChannel,
  path: string,
  source: AsyncIterable<Uint8Array>,
  { signal, ...place }: PlaceOptions,
): Promise<FileEntry> {
  const query = { path, ...placeQuery(place), append: 1 };
  const task = { path, doing: "append to" };
  return channel.send({ task, method: "PUT", url: "/v1/file", query, signal }, FileEntry, toFrames(source));
}

/**
 * Copies a file of this host to the guest. After a broken connection the transfer goes on where the guest says it
 * ended; the checksum at its end is the whole file's.
 */
export async function uploadFile(
  channel: FileChannel,
  { from, to }: { from: string; to: string },
  { onProgress, signal, ...place }: UploadOptions = {},
): Promise<FileEntry> {
  await using source = await openSource(from);
  let upload = nanoid();
  const attempts = newAttempts(["guest_unreachable", "file_changed", "file_checksum_mismatch"], signal);
  const task = { path: to, doing: "write" };
  const sent = (bytes: number) => onProgress?.({ bytes, total: source.size });
  const mode = place.mode ?? source.mode & PERMISSION_BITS;
  const query = { path: to, ...placeQuery({ ...place, mode }) };
  for (let offset = 0; ; ) {
    try {
      const start = await hashUpTo(source, offset);
      const call = {
        task,
        method: "PUT",
        url: "/v1/file",
        query: { ...query, upload, offset },
        signal,
      } as const;
      return await channel.send(call, FileEntry, source.frames(start, sent));
    } catch (error) {
      if (error instanceof SourceChanged) throw error.asOurs();
      const progress = isBroken(error)
        ? await arrivedOf(channel, { to, upload, size: source.size, signal }).catch(() => 0)
        : 0;
      attempts.failed(error, progress);
      offset = progress;
      // What is damaged, or not what the guest thinks it is, cannot be gone on with.
      if (!isBroken(error)) upload = nanoid();
    }
  }
}

function placeQuery({ mode, uid, gid, parents = true }: Omit<PlaceOptions, "signal">) {
  return { mode, uid, gid, parents: parents ? 1 : undefined };
}

interface ArrivedQuestion {
  readonly to: string;
  readonly upload: string;
  /** What there is at most, if that is known */
  readonly size?: number;
  readonly signal: AbortSignal | undefined;
}

async function arrivedOf(
  channel: FileChannel,
  { to, upload, size, signal }: ArrivedQuestion,
): Promise<number> {
  const task = { path: to, doing: "go on writing" };
  const call = { task, method: "GET", url: "/v1/upload", query: { path: to, upload }, signal } as const;
  const answer = z.object({
    bytes: z
      .int()
      .min(0)
      .max(size ?? Number.MAX_SAFE_INTEGER),
  });
  try {
    return (await channel.json(call, answer)).bytes;
  } catch (error) {
    if (isBandSoxError(error, "file_not_found")) return 0;
    throw error;
  }
}

/** A regular file of this host as it was when it was opened. */
interface Source extends AsyncDisposable {
  readonly size: number;
  readonly mode: number;
  /** Its frames after `start`. @throws {SourceChanged} if its bytes are no longer those of the file that was opened */
  frames(start: BodyStart, onSent: (end: number) => void): AsyncGenerator<Buffer, void, undefined>;
  readonly file: FileHandle;
}

/** Tells a change of our own file from one of the guest's, which is worth another attempt. */
class SourceChanged extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`${path} changed while it was sent`);
    this.path = path;
  }

  asOurs(): BandSoxError {
    return new BandSoxError("file_changed", `cannot send ${this.path}: ${this.message}`, { path: this.path });
  }
}

async function openSource(path: string): Promise<Source> {
  // Without O_NONBLOCK a fifo that nobody writes to would hold us here.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw hostFileError(error, "read", path);
  });
  const before = await file.stat();
  if (!before.isFile()) {
    await file.close();
    const code = before.isDirectory() ? "is_directory" : "file_failed";
    throw new BandSoxError(code, `cannot send ${path}: it is no regular file`, { path });
  }
  async function* frames({ bytes, hash }: BodyStart, onSent: (end: number) => void) {
    let sent = bytes;
    for await (const { piece, end } of fileFrames(file, { from: bytes, to: before.size }, hash)) {
      yield piece;
      sent = end;
      onSent(end);
    }
    const after = await file.stat();
    if (sent !== before.size || after.size !== before.size || after.mtimeMs !== before.mtimeMs)
      throw new SourceChanged(path);
    yield endFrame(before.size, hash);
  }
  const dispose = () => file.close();
  return { size: before.size, mode: before.mode, file, frames, [Symbol.asyncDispose]: dispose };
}

/** What the guest has already is part of the checksum, so it is read again. */
async function hashUpTo(source: Source, bytes: number): Promise<BodyStart> {
  const hash = await newXxh64();
  for (let at = 0; at < bytes; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - at));
    const { bytesRead } = await source.file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return { bytes, hash };
}
