import type { FileHandle } from "node:fs/promises";
import type { TransferProgress } from "@bandsox/contract";
import { newAttempts } from "./attempts.ts";
import type { FileChannel } from "./file-channel.ts";
import { replaceFile } from "./host-file.ts";
import { type FileHead, readRange } from "./read-file.ts";
import { WriteBehind } from "./write-behind.ts";

/** What is verified as one piece, and so what a broken connection costs at most */
const SEGMENT_BYTES = 64 * 1024 * 1024;
const PERMISSION_BITS = 0o777;

export interface DownloadOptions {
  /** Told after each piece that arrived */
  onProgress?: ((progress: TransferProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Bytes asked for at once (default: 64 MiB) */
  segmentBytes?: number;
}

/**
 * Copies a file of the guest to this host. It appears under its name whole; a broken connection is made again and the
 * transfer goes on after the last verified segment, if the file is still the same.
 */
export function downloadFile(
  channel: FileChannel,
  { from, to }: { from: string; to: string },
  { segmentBytes = SEGMENT_BYTES, onProgress, signal }: DownloadOptions = {},
): Promise<{ bytes: number }> {
  return replaceFile(to, async (file) => {
    const attempts = newAttempts(["guest_unreachable", "file_checksum_mismatch"], signal);
    let head: FileHead | undefined;
    for (let verified = 0; ; ) {
      let arrived = verified;
      const range = { offset: verified, length: segmentBytes, etag: head?.etag, signal };
      const onHead = (found: FileHead) => {
        head ??= found;
      };
      try {
        await using writer = new WriteBehind(file, verified);
        for await (const data of readRange(channel, from, range, onHead)) {
          await writer.take(data);
          arrived += data.length;
          onProgress?.({ bytes: arrived, total: head?.size ?? arrived });
        }
        await writer.finish();
      } catch (error) {
        attempts.failed(error, arrived);
        continue;
      }
      verified = arrived;
      if (head && verified >= head.size) return finish(file, head);
    }
  });
}

/** A failed attempt may have written behind the end of what a shorter, verified one brought. */
async function finish(file: FileHandle, { size, mode }: FileHead): Promise<{ bytes: number }> {
  await file.truncate(size);
  await file.chmod(mode & PERMISSION_BITS & ~process.umask());
  return { bytes: size };
}
