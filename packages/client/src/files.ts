import type { FileEntry, TreeResult } from "@bandsox/contract";
import type { RouteKey } from "@bandsox/contract/api";
import { fromWire, type Wire } from "@bandsox/contract/wire";
import { BandSoxError, isBandSoxError, notRemote } from "./error.ts";
import type {
  Abortable,
  ExtractOptions,
  FileContent,
  PlaceOptions,
  ReadLinesOptions,
  ReadOptions,
  TreeOptions,
} from "./file-options.ts";
import { RemoteFileWatch, type WatchOptions } from "./file-watch.ts";
import type { HostFiles } from "./host-files.ts";
import { bytesOf } from "./streams.ts";
import type { CallInput, Transport } from "./transport.ts";

const READ_MAX_BYTES = 256 * 1024 * 1024;

/** The files of one VM. Paths in the guest are absolute; the guest's root user does the work. */
export class RemoteFiles {
  readonly vmId: string;
  readonly #transport: Transport;

  constructor(transport: Transport, vmId: string) {
    this.#transport = transport;
    this.vmId = vmId;
  }

  /** The bytes of a file, or a part of them. @throws {BandSoxError} `file_too_large` beyond `maxBytes` (default: 256 MiB) */
  async read(
    path: string,
    { maxBytes = READ_MAX_BYTES, ...range }: ReadOptions & { maxBytes?: number } = {},
  ): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.readStream(path, range)) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(this.vmId, path, maxBytes);
      chunks.push(chunk);
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** A file as UTF-8; bytes that are none become U+FFFD. */
  async readText(path: string, options: ReadOptions & { maxBytes?: number } = {}): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await this.read(path, options));
  }

  /** Lines of a text file, with `... skipped N lines` before and `... N lines left` after them. */
  async readLines(path: string, options: ReadLinesOptions = {}): Promise<string> {
    const { offset = 0, limit = 0, showLineNumbers, showHeader, showFooter, signal } = options;
    const shown = {
      show_line_numbers: on(showLineNumbers),
      show_header: on(showHeader),
      show_footer: on(showFooter),
    };
    const query = { path, offset: `${offset}`, limit: `${limit}`, ...shown };
    return (
      await this.#transport.call("GET /api/vms/:id/read-file", { ...this.#at, query, signal, timeoutMs: 0 })
    ).content;
  }

  /** A file as it comes. */
  async *readStream(
    path: string,
    { offset, length, signal }: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const query = { path, ...numbers({ offset, length }) };
    yield* bytesOf(this.#transport, "GET /api/vms/:id/file", { ...this.#at, query, signal });
  }

  /** Writes a file in one step: it has its old content, or all of the new. */
  async write(path: string, content: FileContent, options: PlaceOptions = {}): Promise<FileEntry> {
    return this.#put(path, content, options);
  }

  /** Writes text as UTF-8. */
  async writeText(path: string, text: string, options: PlaceOptions = {}): Promise<FileEntry> {
    return this.#put(path, text, options);
  }

  /** Adds to the end of a file, which is made if it is not there. */
  async append(path: string, content: FileContent, options: PlaceOptions = {}): Promise<FileEntry> {
    return this.#put(path, content, { ...options, append: true });
  }

  /** What is in a directory, by name. */
  async list(path: string, { signal }: Abortable & { maxEntries?: number } = {}): Promise<FileEntry[]> {
    const { files } = await this.#transport.call("GET /api/vms/:id/files", {
      ...this.#at,
      query: { path },
      signal,
    });
    return files.map((file) => entryOf(file));
  }

  /** What a path names. @param options.follow whether a link stands for what it points to (default: `true`) */
  async stat(
    path: string,
    { follow = true, signal }: Abortable & { follow?: boolean } = {},
  ): Promise<FileEntry> {
    const call = { ...this.#at, query: { path, follow: on(follow) ?? "1" }, signal } as const;
    return entryOf((await this.#transport.call("GET /api/vms/:id/file-info", call)).info);
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
    { signal, ...options }: Abortable & { parents?: boolean; mode?: number } = {},
  ): Promise<FileEntry> {
    return this.#change("POST /api/vms/:id/files/mkdir", { ...this.#at, body: { path, ...options }, signal });
  }

  /** Removes a file, a link, or a directory. @throws {BandSoxError} `directory_not_empty` unless `recursive` */
  async remove(
    path: string,
    options: Abortable & { recursive?: boolean; missingOk?: boolean } = {},
  ): Promise<void> {
    const { recursive, missingOk: missing_ok, signal } = options;
    const call = { ...this.#at, body: { path, recursive, missing_ok }, signal, timeoutMs: 0 };
    await this.#transport.call("POST /api/vms/:id/files/remove", call);
  }

  /** Gives a file another path. @throws {BandSoxError} `file_exists` when `replace` is `false` (default: `true`) */
  async rename(
    from: string,
    to: string,
    { signal, ...options }: Abortable & { replace?: boolean } = {},
  ): Promise<FileEntry> {
    return this.#change("POST /api/vms/:id/files/rename", {
      ...this.#at,
      body: { from, to, ...options },
      signal,
    });
  }

  /** Copies within the guest, with modes, owners, times and links. */
  async copy(
    from: string,
    to: string,
    { signal, ...options }: Abortable & { recursive?: boolean; replace?: boolean } = {},
  ): Promise<FileEntry> {
    return this.#change("POST /api/vms/:id/files/copy", {
      ...this.#at,
      body: { from, to, ...options },
      signal,
    });
  }

  /** Sets the permission bits. */
  async chmod(
    path: string,
    mode: number,
    { signal, ...options }: Abortable & { recursive?: boolean } = {},
  ): Promise<FileEntry> {
    return this.#change("POST /api/vms/:id/files/chmod", {
      ...this.#at,
      body: { path, mode, ...options },
      signal,
    });
  }

  /** Sets the owner; what is not given stays. */
  async chown(
    path: string,
    owner: { uid?: number; gid?: number },
    { signal, ...options }: Abortable & { recursive?: boolean } = {},
  ): Promise<FileEntry> {
    return this.#change("POST /api/vms/:id/files/chown", {
      ...this.#at,
      body: { path, ...owner, ...options },
      signal,
    });
  }

  /** Makes a symbolic link at `path` that points to `target`. */
  async symlink(
    target: string,
    path: string,
    { signal, ...options }: Abortable & { replace?: boolean } = {},
  ): Promise<FileEntry> {
    return this.#change("POST /api/vms/:id/files/symlink", {
      ...this.#at,
      body: { target, path, ...options },
      signal,
    });
  }

  /** Copies a file of this machine into the guest. @throws {BandSoxError} `not_available_remotely` in a browser */
  async uploadFile(hostPath: string, guestPath: string, options: object = {}): Promise<FileEntry> {
    return this.#hostFiles("uploadFile").uploadFile(this, [hostPath, guestPath], options);
  }

  /** Copies a file of the guest to this machine, where it appears whole. */
  async downloadFile(guestPath: string, hostPath: string, options: object = {}): Promise<{ bytes: number }> {
    return this.#hostFiles("downloadFile").downloadFile(this, [guestPath, hostPath], options);
  }

  /** Copies what is below a directory of this machine to below one of the guest. */
  async uploadTree(hostDir: string, guestDir: string, options: object = {}): Promise<TreeResult> {
    return this.#hostFiles("uploadTree").uploadTree(this, [hostDir, guestDir], options);
  }

  /** Copies what is below a directory of the guest to below one of this machine. */
  async downloadTree(guestDir: string, hostDir: string, options: object = {}): Promise<TreeResult> {
    return this.#hostFiles("downloadTree").downloadTree(this, [guestDir, hostDir], options);
  }

  /** A tar of what is below a path, as it comes. A hostile guest's names may be anything: unpack it with care. */
  async *archive(
    path: string,
    { include, exclude, signal }: TreeOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const query = { path, include: include?.join(","), exclude: exclude?.join(",") };
    yield* bytesOf(this.#transport, "GET /api/vms/:id/tree", { ...this.#at, query, signal, timeoutMs: 0 });
  }

  /** Unpacks a tar below a directory of the guest. */
  async extract(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: ExtractOptions = {},
  ): Promise<TreeResult> {
    const { parents, replace, keepOwner, signal } = options;
    const query = { path, parents: on(parents), replace: on(replace), keep_owner: on(keepOwner) };
    const call = { ...this.#at, query, bytes: bodyOf(tar), signal, timeoutMs: 0 };
    return this.#transport.call("PUT /api/vms/:id/tree", { ...call, contentType: "application/x-tar" });
  }

  /** Tells changes of a file or directory from now on; iterate over what this resolves to. */
  async watch(path: string, options: WatchOptions = {}): Promise<RemoteFileWatch> {
    return RemoteFileWatch.start(this.#transport, { vm: this.vmId, path, options });
  }

  async #put(
    path: string,
    content: FileContent,
    options: PlaceOptions & { append?: boolean },
  ): Promise<FileEntry> {
    const { mode, uid, gid, parents, append, signal } = options;
    const query = { path, ...numbers({ mode, uid, gid }), parents: on(parents), append: on(append) };
    const call = { ...this.#at, query, bytes: bodyOf(content), signal, timeoutMs: 0 };
    return fromWire<FileEntry>(await this.#transport.call("PUT /api/vms/:id/file", call));
  }

  async #change<K extends ChangeKey>(key: K, call: CallInput<K>): Promise<FileEntry> {
    return fromWire<FileEntry>((await this.#transport.call(key, call)) as never);
  }

  #hostFiles(call: string): HostFiles {
    const { hostFiles } = this.#transport.options;
    if (hostFiles) return hostFiles;
    throw notRemote(call);
  }

  get #at(): { readonly params: { readonly id: string } } {
    return { params: { id: this.vmId } };
  }
}

type ChangeKey = Extract<RouteKey, `POST /api/vms/:id/files/${string}`>;

function on(value: boolean | undefined): "0" | "1" | undefined {
  if (value === undefined) return undefined;
  return value ? "1" : "0";
}

/** Numbers of a query that were given. */
function numbers<K extends string>(given: Record<K, number | undefined>): { [N in K]?: string } {
  const entries = Object.entries<number | undefined>(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, `${value}`])) as { [N in K]?: string };
}

/** A file as the library has it, without what the first BandSox's clients look for. */
function entryOf(listed: Wire<FileEntry> & { readonly mtime: number }): FileEntry {
  const { name, path, type, size, mode, uid, gid, mtime_ms, target } = listed;
  return fromWire<FileEntry>({
    name,
    path,
    type,
    size,
    mode,
    uid,
    gid,
    mtime_ms,
    ...(target === undefined ? {} : { target }),
  });
}

function bodyOf(content: FileContent): BodyInit {
  if (typeof content === "string" || content instanceof Blob) return content;
  if (content instanceof Uint8Array) return content as Uint8Array<ArrayBuffer>;
  const encoder = new TextEncoder();
  const source = async function* () {
    for await (const piece of content) yield typeof piece === "string" ? encoder.encode(piece) : piece;
  };
  return streamOf(source());
}

/** A stream that asks its source for more only when it is read. */
function streamOf(source: AsyncGenerator<Uint8Array, void, undefined>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await source.return();
    },
  });
}

function tooLarge(vmId: string, path: string, limitBytes: number): BandSoxError {
  const detail = `cannot read ${path} in ${vmId}: it has more than ${limitBytes} bytes`;
  const hint = "raise `maxBytes`, or stream the file instead of keeping it in memory";
  const failure = { code: "file_too_large", detail, details: { path, vmId, limitBytes }, hint } as const;
  return new BandSoxError({ ...failure, retryable: false }) as BandSoxError;
}
