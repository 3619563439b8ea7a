import {
  type FileEntry,
  FileMode,
  FileOwner,
  Globs,
  GuestPath,
  isBandSoxError,
  parseInput,
  type TreeResult,
} from "@bandsox/contract";
import { z } from "zod";
import { type DownloadOptions, downloadFile } from "./download-file.ts";
import { fileCall, listFiles, removeFile } from "./file-calls.ts";
import { FileChannel, type FileChannelOptions } from "./file-channel.ts";
import { fetchLines, formatLines, type ReadLinesOptions } from "./lines.ts";
import { type FileRange, readRange, readWhole } from "./read-file.ts";
import {
  archiveOf,
  type DownloadTreeOptions,
  downloadTree,
  type ExtractOptions,
  extractInto,
  type TreeOptions,
  type UploadTreeOptions,
  uploadTree,
} from "./transfer-tree.ts";
import {
  appendStream,
  type PlaceOptions,
  type UploadOptions,
  uploadFile,
  writeStream,
} from "./upload-file.ts";
import { FileWatch, type WatchOptions } from "./watch.ts";

const READ_MAX_BYTES = 256 * 1024 * 1024;
const LIST_MAX_ENTRIES = 100_000;
const Whole = z.int().min(0);

/** What may be written: text as UTF-8, bytes, or pieces of either as they come. */
export type FileContent =
  | string
  | Uint8Array
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>;

export interface ReadOptions {
  /** First byte (default: `0`) */
  offset?: number;
  /** Bytes at most (default: to the end) */
  length?: number;
  signal?: AbortSignal;
}

export interface ReadWholeOptions extends ReadOptions {
  /** Bytes kept in memory at most (default: 256 MiB) */
  maxBytes?: number;
}

/** Ends a call when it fires; what the guest has begun it may still finish. */
export interface Abortable {
  signal?: AbortSignal | undefined;
}

/**
 * The files of one VM. Paths in the guest are absolute; the guest's root user does the work. A file is replaced as a
 * whole: readers in the guest see the old one or the new one.
 *
 * Every call throws `BandSoxError`: `vm_not_found`, `vm_wrong_state`, `guest_unreachable`, `guest_protocol`,
 * `interrupted`, `invalid_argument`, and of files `file_not_found`, `is_directory`, `not_directory`, `file_exists`,
 * `file_permission_denied`, `file_read_only`, `guest_disk_full`, `path_invalid`, `file_failed`.
 */
export class VmFiles {
  readonly #channel: FileChannel;

  constructor(options: FileChannelOptions) {
    this.#channel = new FileChannel(options);
  }

  /** The bytes of a file, or a part of them. @throws {BandSoxError} `file_too_large` beyond `maxBytes` */
  async read(path: string, { maxBytes = READ_MAX_BYTES, ...range }: ReadWholeOptions = {}): Promise<Buffer> {
    return readWhole(this.#channel, checked(path), { maxBytes, ...checkedRange(range) });
  }

  /** A file as UTF-8; bytes that are none become U+FFFD. */
  async readText(path: string, options: ReadWholeOptions = {}): Promise<string> {
    return (await this.read(path, options)).toString("utf8");
  }

  /**
   * Lines of a text file, with `... skipped N lines` before and `... N lines left` after them where lines are not
   * shown. Only the lines that are shown travel.
   */
  async readLines(path: string, options: ReadLinesOptions = {}): Promise<string> {
    const { offset = 0, limit = 0, maxBytes = READ_MAX_BYTES, signal } = options;
    const window = {
      offset: parseInput(Whole, offset, "offset"),
      limit: parseInput(Whole, limit, "limit"),
      maxBytes,
      signal,
    };
    return formatLines(await fetchLines(this.#channel, checked(path), window), options);
  }

  /** A file as it comes. Only the end of the iteration proves all pieces undamaged. */
  async *readStream(path: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    // The caller's own: not a part of what the next piece is in too.
    for await (const piece of readRange(this.#channel, checked(path), checkedRange(options)))
      yield new Uint8Array(piece);
  }

  /** Writes a file in one step: it has its old content, or all of the new. */
  async write(path: string, content: FileContent, options: PlaceOptions = {}): Promise<FileEntry> {
    return writeStream(this.#channel, checked(path), pieces(content), checkedPlace(options));
  }

  /** Writes text as UTF-8. */
  async writeText(path: string, text: string, options: PlaceOptions = {}): Promise<FileEntry> {
    return this.write(path, text, options);
  }

  /** Adds to the end of a file, which is made if it is not there. A call that fails may have added a part. */
  async append(path: string, content: FileContent, options: PlaceOptions = {}): Promise<FileEntry> {
    return appendStream(this.#channel, checked(path), pieces(content), checkedPlace(options));
  }

  /** What is in a directory, by name. @throws {BandSoxError} `too_many_files` beyond `maxEntries` (default: `100000`) */
  async list(path: string, options: Abortable & { maxEntries?: number } = {}): Promise<FileEntry[]> {
    const { maxEntries = LIST_MAX_ENTRIES, signal } = options;
    return listFiles(this.#channel, checked(path), { maxEntries, signal });
  }

  /** What a path names. @param options.follow whether a link stands for what it points to (default: `true`) */
  async stat(path: string, options: Abortable & { follow?: boolean } = {}): Promise<FileEntry> {
    const { follow = true, signal } = options;
    return fileCall(this.#channel, "stat", { path: checked(path), follow }, signal);
  }

  /** Whether a path names anything; a link that points nowhere does not. */
  async exists(path: string, options: Abortable = {}): Promise<boolean> {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (isBandSoxError(error, "file_not_found") || isBandSoxError(error, "not_directory")) return false;
      throw error;
    }
  }

  /** Makes a directory. @param options.parents make missing parents; an existing directory is fine (default: `false`) */
  async mkdir(
    path: string,
    options: Abortable & { parents?: boolean; mode?: number } = {},
  ): Promise<FileEntry> {
    const { parents = false, mode, signal } = options;
    const request = {
      path: checked(path),
      parents,
      ...(mode === undefined ? {} : { mode: checkedMode(mode) }),
    };
    return fileCall(this.#channel, "mkdir", request, signal);
  }

  /** Removes a file, a link, or a directory. @throws {BandSoxError} `directory_not_empty` unless `recursive` */
  async remove(
    path: string,
    options: Abortable & { recursive?: boolean; missingOk?: boolean } = {},
  ): Promise<void> {
    const { recursive = false, missingOk = false, signal } = options;
    await removeFile(this.#channel, { path: checked(path), recursive, missingOk }, signal);
  }

  /** Gives a file another path. @throws {BandSoxError} `file_exists` when `replace` is `false` (default: `true`) */
  async rename(
    from: string,
    to: string,
    options: Abortable & { replace?: boolean } = {},
  ): Promise<FileEntry> {
    const { replace = true, signal } = options;
    return fileCall(this.#channel, "rename", { from: checked(from), to: checked(to), replace }, signal);
  }

  /** Copies within the guest, with modes, owners, times and links. */
  async copy(
    from: string,
    to: string,
    options: Abortable & { recursive?: boolean; replace?: boolean } = {},
  ): Promise<FileEntry> {
    const { recursive = false, replace = true, signal } = options;
    const request = { from: checked(from), to: checked(to), recursive, replace };
    return fileCall(this.#channel, "copy", request, signal);
  }

  /** Sets the permission bits. */
  async chmod(
    path: string,
    mode: number,
    options: Abortable & { recursive?: boolean } = {},
  ): Promise<FileEntry> {
    const { recursive = false, signal } = options;
    const request = { path: checked(path), mode: checkedMode(mode), recursive };
    return fileCall(this.#channel, "chmod", request, signal);
  }

  /** Sets the owner; what is not given stays. */
  async chown(
    path: string,
    owner: { uid?: number; gid?: number },
    options: Abortable & { recursive?: boolean } = {},
  ): Promise<FileEntry> {
    const { recursive = false, signal } = options;
    const uid = parseInput(FileOwner.optional(), owner.uid, "uid") ?? -1;
    const gid = parseInput(FileOwner.optional(), owner.gid, "gid") ?? -1;
    return fileCall(this.#channel, "chown", { path: checked(path), uid, gid, recursive }, signal);
  }

  /** Makes a symbolic link at `path` that points to `target`. */
  async symlink(
    target: string,
    path: string,
    options: Abortable & { replace?: boolean } = {},
  ): Promise<FileEntry> {
    const { replace = false, signal } = options;
    return fileCall(this.#channel, "symlink", { path: checked(path), target, replace }, signal);
  }

  /** Copies a file of this host into the guest; a transfer that breaks goes on where it was. */
  async uploadFile(hostPath: string, guestPath: string, options: UploadOptions = {}): Promise<FileEntry> {
    const place = { ...options, ...checkedPlace(options) };
    return uploadFile(this.#channel, { from: hostPath, to: checked(guestPath) }, place);
  }

  /** Copies a file of the guest to this host, where it appears whole; a transfer that breaks goes on where it was. */
  async downloadFile(
    guestPath: string,
    hostPath: string,
    options: DownloadOptions = {},
  ): Promise<{ bytes: number }> {
    return downloadFile(this.#channel, { from: checked(guestPath), to: hostPath }, options);
  }

  /** Copies what is below a directory of this host to below one of the guest; a transfer that breaks goes on where it was. */
  async uploadTree(hostDir: string, guestDir: string, options: UploadTreeOptions = {}): Promise<TreeResult> {
    return uploadTree(this.#channel, { from: hostDir, to: checked(guestDir) }, checkedFilter(options));
  }

  /**
   * Copies what is below a directory of the guest to below one of this host. Nothing is written outside it, and links
   * that may lead out of it, devices and fifos are left out and told. A transfer that breaks goes on where it was. When it
   * fails, whole files may be there already.
   */
  async downloadTree(
    guestDir: string,
    hostDir: string,
    options: DownloadTreeOptions = {},
  ): Promise<TreeResult> {
    return downloadTree(this.#channel, { from: checked(guestDir), to: hostDir }, checkedFilter(options));
  }

  /** A tar of what is below a path, as it comes. A hostile guest's names may be anything: unpack it with care. */
  async *archive(path: string, options: TreeOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    yield* archiveOf(this.#channel, checked(path), checkedFilter(options));
  }

  /** Unpacks a tar below a directory of the guest; a transfer that breaks goes on where it was. */
  async extract(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: ExtractOptions = {},
  ): Promise<TreeResult> {
    return extractInto(this.#channel, checked(path), tar, options);
  }

  /** Tells changes of a file or directory from now on; iterate over what this resolves to. */
  async watch(path: string, options: WatchOptions = {}): Promise<FileWatch> {
    return FileWatch.start(this.#channel, checked(path), checkedFilter(options));
  }
}

function checked(path: string): string {
  return parseInput(GuestPath, path, "path");
}

function checkedMode(mode: number): number {
  return parseInput(FileMode, mode, "mode");
}

function checkedRange({ offset, length, signal }: ReadOptions): FileRange {
  return {
    offset: parseInput(Whole.optional(), offset, "offset"),
    length: parseInput(Whole.optional(), length, "length"),
    signal,
  };
}

function checkedPlace({ mode, uid, gid, parents, signal }: PlaceOptions): PlaceOptions {
  return {
    mode: parseInput(FileMode.optional(), mode, "mode"),
    uid: parseInput(FileOwner.optional(), uid, "uid"),
    gid: parseInput(FileOwner.optional(), gid, "gid"),
    parents,
    signal,
  };
}

function checkedFilter<
  T extends { include?: readonly string[] | undefined; exclude?: readonly string[] | undefined },
>(options: T): T {
  parseInput(Globs.optional(), options.include, "include");
  parseInput(Globs.optional(), options.exclude, "exclude");
  return options;
}

async function* pieces(content: FileContent): AsyncGenerator<Uint8Array, void, undefined> {
  const all = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  for await (const piece of all) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}
