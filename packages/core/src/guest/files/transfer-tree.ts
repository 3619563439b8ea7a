import { BandSoxError, isBandSoxError, type TransferProgress, type TreeResult } from "@bandsox/contract";
import { z } from "zod";
import { isLate } from "../failure.ts";
import { newAttempts } from "./attempts.ts";
import { type FileChannel, isBroken } from "./file-channel.ts";
import type { TreeFilter } from "./glob.ts";
import { isForgotten, namedArchive, offsetOf } from "./named-archive.ts";
import { packTree } from "./pack-tree.ts";
import { sendResumably } from "./send-resumably.ts";
import { ArchiveError } from "./tar-path.ts";
import { unpackTree } from "./unpack-tree.ts";
import { newXxh64 } from "./xxh64.ts";

const GIB = 1024 ** 3;
const MAX_BYTES = 256 * GIB;
const MAX_ENTRIES = 1_000_000;
/** Before the first byte the guest may have to look through a large tree */
const FIRST_BYTE_SPANS = 10;

/** More than an honest entry takes beside its file's content: headers, a path, attributes, and padding */
const ENTRY_MAX_BYTES = 1024 * 1024;

const Unpacked = z.object({ entries: z.int().min(0), bytes: z.int().min(0) });

export interface TreeOptions extends TreeFilter {
  /** Told how much of the archive has passed; its length is not known beforehand */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UploadTreeOptions extends TreeOptions, ExtractOptions {}

/** How an archive is unpacked in the guest. */
export interface ExtractOptions {
  /** Make the directory and its parents (default: `true`) */
  readonly parents?: boolean | undefined;
  /** Replace files that are there (default: `true`) */
  readonly replace?: boolean | undefined;
  /** Keep the archive's owners; otherwise everything is root's (default: `false`) */
  readonly keepOwner?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface ArchiveOptions extends TreeOptions {
  /** Bytes of the archive; more break the protocol (default: any number) */
  readonly limitBytes?: number;
}

export interface DownloadTreeOptions extends TreeOptions {
  /** Bytes of all files together (default: 256 GiB) */
  readonly maxBytes?: number | undefined;
  /** Files, directories and links together (default: `1000000`) */
  readonly maxEntries?: number | undefined;
}

/**
 * A tar of what is below a path of the guest. It is the guest's word: unpack it with care. After a broken connection it
 * goes on where it was; the checksum at its end is the whole's.
 */
export async function* archiveOf(
  channel: FileChannel,
  path: string,
  { include, exclude, signal, onProgress, limitBytes = Number.POSITIVE_INFINITY }: ArchiveOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const archive = namedArchive(channel, { path, doing: "pack" });
  const { headers, task } = archive;
  const arrived = { bytes: 0, hash: await newXxh64() };
  const attempts = newAttempts(["guest_unreachable"], signal);
  let isWaitedFor = true;
  try {
    for (let broken: unknown; ; ) {
      const query = { path, include, exclude, ...offsetOf(arrived.bytes) };
      const call = { task, method: "GET", url: "/v1/tree", query, headers, signal } as const;
      try {
        yield* counted(
          channel.receive({ ...call, spans: FIRST_BYTE_SPANS }, (answer) => answer.data(limitBytes, arrived)),
          { onProgress, before: arrived.bytes },
        );
        isWaitedFor = false;
        return;
      } catch (error) {
        isWaitedFor = arrived.bytes > 0 || isBroken(error) || isBandSoxError(error, "interrupted");
        if (isLate(error)) throw error;
        if (broken && arrived.bytes > 0 && isForgotten(error)) throw broken;
        attempts.failed(error, arrived.bytes);
        broken = error;
      }
    }
  } finally {
    if (isWaitedFor) await archive.abandon().catch(() => {});
  }
}

/** Unpacks a tar below a directory of the guest. After a broken connection it goes on where it was. */
export async function extractInto(
  channel: FileChannel,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  { parents = true, replace = true, keepOwner = false, signal }: ExtractOptions = {},
): Promise<TreeResult> {
  const flags = { parents: parents ? 1 : undefined, replace: replace ? 1 : undefined };
  const query = { path, ...flags, owner: keepOwner ? "keep" : undefined };
  const archive = namedArchive(channel, { path, doing: "unpack into" });
  const { headers, task } = archive;
  const done = await sendResumably(tar, {
    send: (frames, offset) => {
      const from = { ...query, ...offsetOf(offset) };
      const call = { task, method: "PUT", url: "/v1/tree", query: from, headers, signal } as const;
      return channel.send(call, Unpacked, frames);
    },
    async arrived() {
      // One that nothing is known of may have been unpacked long ago: sent again it would meet its own files.
      const ifUnknown = replace ? 0 : undefined;
      const bytes = await archive.arrived(signal);
      return bytes === "unknown" ? ifUnknown : bytes;
    },
    abandon: archive.abandon,
    signal,
  });
  return { ...done, skipped: [] };
}

/** Copies what is below a directory of this host to below one of the guest. */
export function uploadTree(
  channel: FileChannel,
  { from, to }: { from: string; to: string },
  options: UploadTreeOptions = {},
): Promise<TreeResult> {
  return extractInto(
    channel,
    to,
    counted(packTree(from, options), { onProgress: options.onProgress }),
    options,
  );
}

/** Copies what is below a directory of the guest to below one of this host. */
export async function downloadTree(
  channel: FileChannel,
  { from, to }: { from: string; to: string },
  options: DownloadTreeOptions = {},
): Promise<TreeResult> {
  const limits = {
    maxBytes: options.maxBytes ?? MAX_BYTES,
    maxEntries: options.maxEntries ?? MAX_ENTRIES,
  };
  const limitBytes = limits.maxBytes + (limits.maxEntries + 1) * ENTRY_MAX_BYTES;
  try {
    return await unpackTree(archiveOf(channel, from, { ...options, limitBytes }), to, limits);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const { vmId } = channel;
    const message = `cannot unpack what ${vmId} sent of ${from}: ${error.message}`;
    throw new BandSoxError("archive_invalid", message, { path: from, vmId }, { cause: error });
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  { onProgress, before = 0 }: { onProgress: TreeOptions["onProgress"]; before?: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = before;
  for await (const chunk of source) {
    bytes += chunk.length;
    onProgress?.({ bytes });
    yield chunk;
  }
}
