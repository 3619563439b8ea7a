import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { FrameError } from "../frames.ts";
import type { DataAnswer, FileChannel } from "./file-channel.ts";

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
    return exactly(dueBytes(head, offset, length), answer);
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

function dueBytes({ size }: FileHead, offset: number, length = size): number {
  return Math.min(length, Math.max(0, size - offset));
}

/** A file that became shorter while it was read ends the connection, never the data. */
async function* exactly(due: number, answer: DataAnswer): AsyncGenerator<Uint8Array, void, undefined> {
  let left = due;
  for await (const data of answer.data(due)) {
    left -= data.length;
    yield data;
  }
  if (left > 0) throw new FrameError(`${left} bytes fewer than it announced arrived`);
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
  const chunks: Uint8Array[] = [];
  const data = readRange(channel, path, range, (head) => {
    const due = dueBytes(head, range.offset ?? 0, range.length);
    if (due <= maxBytes) return;
    const message = `cannot read ${path} in ${channel.vmId}: it would be ${due} bytes, at most ${maxBytes} are kept`;
    throw new BandSoxError("file_too_large", message, { path, vmId: channel.vmId, limitBytes: maxBytes });
  });
  for await (const chunk of data) chunks.push(chunk);
  return Buffer.concat(chunks);
}
