import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { FrameError } from "../frames.ts";
import type { DataAnswer, FileChannel } from "./file-channel.ts";

/** What is taken from a file that says it is empty and is not, as those of `/proc` do */
const UNSIZED_MAX_BYTES = 64 * 1024 * 1024;

const Digits = z
  .string()
  .regex(/^[0-9]{1,15}$/)
  .transform(Number);
const FileHead = z.object({
  size: Digits,
  etag: z.string().regex(/^[\x21-\x7e]{1,200}$/),
  mode: Digits.pipe(z.int().max(0o7777)),
});
/** What the guest says of a file before its bytes. */
export type FileHead = z.infer<typeof FileHead>;

/** A part of a file. */
export interface FileRange {
  /** First byte (default: `0`) */
  readonly offset?: number | undefined;
  /** Bytes at most (default: to the end) */
  readonly length?: number | undefined;
  /** What the file's tag must be; otherwise `file_changed` */
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Streams a part of a file; `onHead` learns what it is before its first byte. */
export function readRange(
  channel: FileChannel,
  path: string,
  { offset = 0, length, etag, signal }: FileRange,
  onHead: (head: FileHead) => void = () => {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const task = { path, doing: "read" };
  const query = { path, offset, length, etag };
  return channel.receive({ task, method: "GET", url: "/v1/file", query, signal }, (answer) => {
    const head = headOf(answer);
    onHead(head);
    return answer.data(dueBytes(head, offset, length));
  });
}

function headOf({ header }: DataAnswer): FileHead {
  const fields = {
    size: header("x-file-size"),
    etag: header("x-file-etag"),
    mode: header("x-file-mode"),
  };
  const head = FileHead.safeParse(fields);
  if (head.success) return head.data;
  throw new FrameError(`it describes a file with ${head.error.issues[0]?.path.join(".")} wrong`);
}

function dueBytes({ size }: FileHead, offset: number, length = Number.POSITIVE_INFINITY): number {
  return Math.min(length, size === 0 ? UNSIZED_MAX_BYTES : Math.max(0, size - offset));
}

/**
 * Keeps a part of a file in memory.
 *
 * @throws {BandSoxError} `file_too_large` when it is more than `maxBytes`
 */
export async function readWhole(
  channel: FileChannel,
  path: string,
  { maxBytes, ...range }: FileRange & { maxBytes: number },
): Promise<Buffer> {
  const tooLarge = (size: string) => {
    const message = `cannot read ${path} in ${channel.vmId}: ${size} would be kept in memory, at most ${maxBytes} are`;
    return new BandSoxError("file_too_large", message, { path, vmId: channel.vmId, limitBytes: maxBytes });
  };
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const data = readRange(channel, path, range, ({ size }) => {
    const due = Math.min(range.length ?? size, size - (range.offset ?? 0));
    if (due > maxBytes) throw tooLarge(`${due} bytes`);
  });
  for await (const chunk of data) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge("more bytes");
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
