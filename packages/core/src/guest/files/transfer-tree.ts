import { BandSoxError, type TransferProgress, type TreeResult } from "@bandsox/contract";
import { z } from "zod";
import type { FileChannel } from "./file-channel.ts";
import type { TreeFilter } from "./glob.ts";
import { packTree } from "./pack-tree.ts";
import { ArchiveError } from "./tar-path.ts";
import { unpackTree } from "./unpack-tree.ts";

const GIB = 1024 ** 3;
const MAX_BYTES = 256 * GIB;
const MAX_ENTRIES = 1_000_000;
/** Before the first byte the guest may have to look through a large tree */
const FIRST_BYTE_SPANS = 10;

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

export interface DownloadTreeOptions extends TreeOptions {
  /** Bytes of all files together (default: 256 GiB) */
  readonly maxBytes?: number | undefined;
  /** Files, directories and links together (default: `1000000`) */
  readonly maxEntries?: number | undefined;
}

/** A tar of what is below a path of the guest. It is the guest's word: unpack it with care. */
export function archiveOf(
  channel: FileChannel,
  path: string,
  { include, exclude, signal, onProgress }: TreeOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const query = { path, include, exclude };
  const task = { path, doing: "pack" };
  const call = { task, method: "GET", url: "/v1/tree", query, signal, spans: FIRST_BYTE_SPANS } as const;
  return channel.receive(call, (answer) => counted(answer.data(Number.POSITIVE_INFINITY), onProgress));
}

/** Unpacks a tar below a directory of the guest. */
export async function extractInto(
  channel: FileChannel,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  { parents = true, replace = true, keepOwner = false, signal }: ExtractOptions = {},
): Promise<TreeResult> {
  const query = {
    path,
    parents: parents ? 1 : undefined,
    replace: replace ? 1 : undefined,
    owner: keepOwner ? "keep" : undefined,
  };
  const task = { path, doing: "unpack into" };
  const answer = z.object({ entries: z.int().min(0), bytes: z.int().min(0) });
  const call = { task, method: "PUT", url: "/v1/tree", query, signal } as const;
  return { ...(await channel.send(call, answer, tar)), skipped: [] };
}

/** Copies what is below a directory of this host to below one of the guest. */
export function uploadTree(
  channel: FileChannel,
  { from, to }: { from: string; to: string },
  options: UploadTreeOptions = {},
): Promise<TreeResult> {
  return extractInto(channel, to, counted(packTree(from, options), options.onProgress), options);
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
  try {
    return await unpackTree(archiveOf(channel, from, options), to, limits);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const { vmId } = channel;
    const message = `cannot unpack what ${vmId} sent of ${from}: ${error.message}`;
    throw new BandSoxError("archive_invalid", message, { path: from, vmId }, { cause: error });
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress?: (progress: TransferProgress) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    onProgress?.({ bytes });
    yield chunk;
  }
}
