import { randomUUID } from "node:crypto";
import { createReadStream, openAsBlob } from "node:fs";
import { link, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { GuestFiles, HostFiles } from "@bandsox/client";
import { BandSoxError, type FileEntry, type TreeResult } from "@bandsox/contract";
import {
  ArchiveError,
  type DownloadOptions,
  type DownloadTreeOptions,
  packTree,
  replaceFile,
  type UploadOptions,
  type UploadTreeOptions,
  unpackTree,
} from "@bandsox/core";

const GIB = 1024 ** 3;
const MAX_BYTES = 256 * GIB;
const MAX_ENTRIES = 1_000_000;
const PERMISSION_BITS = 0o777;

type Paths = readonly [from: string, to: string];

/** Copies between this machine's files and those of a server's VMs. */
export const hostFiles: HostFiles = {
  ...{ uploadFile, downloadFile, uploadTree, downloadTree },
  ...{ writeNew, open: openFile },
};

async function uploadFile(
  files: GuestFiles,
  [from, to]: Paths,
  options: UploadOptions = {},
): Promise<FileEntry> {
  const { onProgress, ...place } = options;
  const source = await stat(from).catch((error: NodeJS.ErrnoException) => {
    const code = error.code === "ENOENT" ? "file_not_found" : "file_failed";
    throw new BandSoxError(code, `cannot send ${from}: ${error.message}`, { path: from }, { cause: error });
  });
  if (!source.isFile()) {
    const code = source.isDirectory() ? "is_directory" : "file_failed";
    throw new BandSoxError(code, `cannot send ${from}: it is no regular file`, { path: from });
  }
  const mode = place.mode ?? source.mode & PERMISSION_BITS;
  const bytes = counted(createReadStream(from), (sent) => onProgress?.({ bytes: sent, total: source.size }));
  return files.write(to, bytes, { ...place, mode });
}

async function downloadFile(files: GuestFiles, [from, to]: Paths, options: DownloadOptions = {}) {
  const { onProgress, signal } = options;
  const { size, mode } = await files.stat(from, { signal });
  return replaceFile(to, async (file) => {
    let position = 0;
    for await (const chunk of files.readStream(from, { signal })) {
      await file.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      onProgress?.({ bytes: position, total: size });
    }
    await file.chmod(mode & PERMISSION_BITS & ~process.umask());
    return { bytes: position };
  });
}

async function uploadTree(
  files: GuestFiles,
  [from, to]: Paths,
  options: UploadTreeOptions = {},
): Promise<TreeResult> {
  const tar = counted(packTree(from, options), (bytes) => options.onProgress?.({ bytes }));
  return files.extract(to, tar, options);
}

async function downloadTree(files: GuestFiles, [from, to]: Paths, options: DownloadTreeOptions = {}) {
  const { maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES, onProgress, ...filter } = options;
  const tar = counted(files.archive(from, filter), (bytes) => onProgress?.({ bytes }));
  try {
    return await unpackTree(tar, to, { maxBytes, maxEntries });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const message = `cannot unpack what ${files.vmId} sent of ${from}: ${error.message}`;
    throw new BandSoxError("archive_invalid", message, { path: from, vmId: files.vmId }, { cause: error });
  }
}

async function writeNew(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const target = resolve(path);
  const partial = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  try {
    await replaceFile(partial, async (file) => {
      for await (const chunk of bytes) await file.writeFile(chunk);
    });
    await link(partial, target); // unlike a rename it replaces nothing
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EEXIST" ? alreadyThere(target) : error;
  } finally {
    await rm(partial, { force: true });
  }
}

function alreadyThere(path: string): BandSoxError {
  const message = `cannot write ${path}: it exists, and nothing is overwritten`;
  return new BandSoxError("invalid_argument", message, { field: "file", found: path });
}

async function openFile(path: string): Promise<Blob> {
  try {
    return await openAsBlob(path);
  } catch (cause) {
    throw new BandSoxError("file_not_found", `cannot read ${path}: it cannot be opened`, { path }, { cause });
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  told: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    told(bytes);
    yield chunk;
  }
}
