import { BandSoxError } from "@bandsox/contract";
import { Ext4Reader, MODE, TYPE_MASK } from "./ext4-reader.ts";
import { type OverlayNode, OverlayTree } from "./overlay-tree.ts";

const MAX_LINKS = 40;
const PATH_MAX_CHARACTERS = 4096;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const MODE_BITS = 0o7777;

/** A file as the disks have it. Its name is data a guest chose: no path on the host may be made of it unchecked. */
export interface OfflineEntry {
  readonly name: string;
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "fifo" | "socket" | "device";
  /** Bytes */
  readonly size: number;
  /** The twelve permission bits */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** ms since 1970 */
  readonly mtimeMs: number;
  /** Where a symbolic link points, as it is written there */
  readonly target?: string | undefined;
}

/** Read-only files of disks that no VM runs on: an image's base disk, or with a layer over it a stopped VM's. */
export class OfflineFiles {
  readonly #tree: OverlayTree;

  constructor(disks: { readonly base: string; readonly layer?: string | undefined }, signal?: AbortSignal) {
    const layer = disks.layer === undefined ? undefined : new Ext4Reader(disks.layer, signal);
    this.#tree = new OverlayTree(new Ext4Reader(disks.base, signal), layer);
  }

  /** What is in a directory, by name. @throws {BandSoxError} `file_not_found`, `not_directory`, `path_invalid` */
  async list(path: string): Promise<OfflineEntry[]> {
    const { node, real } = await this.#walk(path, { follow: true });
    if (typeOf(node.mode) !== "directory") throw wrong("not_directory", path, "it is no directory");
    const entries: OfflineEntry[] = [];
    for (const [name, child] of await this.#tree.list(node))
      entries.push(await this.#describe(child, [...real, name]));
    return entries;
  }

  /** One file, a link itself rather than where it leads. @throws {BandSoxError} `file_not_found`, `path_invalid` */
  async stat(path: string): Promise<OfflineEntry> {
    const { node, real } = await this.#walk(path, { follow: false });
    return this.#describe(node, real);
  }

  /**
   * A file's bytes as they are read; leaving early ends the reading.
   *
   * @throws {BandSoxError} `file_not_found`, `is_directory`, `path_invalid`
   */
  async *stream(path: string): AsyncGenerator<Uint8Array> {
    const { node } = await this.#walk(path, { follow: true });
    const type = typeOf(node.mode);
    if (type === "directory") throw wrong("is_directory", path, "it is a directory");
    if (type !== "file") throw wrong("path_invalid", path, `it is a ${type}, which holds no bytes`);
    yield* this.#tree.read(node);
  }

  /** A file whole. @throws {BandSoxError} as `stream`, and `file_too_large` above `maxBytes` (default: 16 MiB) */
  async read(path: string, { maxBytes = DEFAULT_MAX_BYTES }: { maxBytes?: number } = {}): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.stream(path)) {
      size += chunk.length;
      if (size > maxBytes) {
        const message = `cannot read ${shown(path)}: it has more than ${maxBytes} bytes`;
        throw new BandSoxError("file_too_large", message, { path, limitBytes: maxBytes });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Finds a path, following links inside the tree and nowhere else. */
  async #walk(path: string, { follow }: { follow: boolean }): Promise<{ node: OverlayNode; real: string[] }> {
    if (!path.startsWith("/") || path.includes("\0") || path.length > PATH_MAX_CHARACTERS)
      throw wrong("path_invalid", path, "it is not an absolute path of at most 4096 characters");
    const left = partsOf(Buffer.from(path).toString("latin1"));
    const trail: { name: string; node: OverlayNode }[] = [];
    const root = await this.#tree.root();
    let links = 0;
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === "..") {
        trail.pop();
        continue;
      }
      const parent = trail.at(-1)?.node ?? root;
      if (typeOf(parent.mode) !== "directory")
        throw wrong("not_directory", path, "part of it is no directory");
      const node = await this.#tree.find(parent, name);
      if (!node) throw wrong("file_not_found", path, "there is no such file");
      if (typeOf(node.mode) !== "symlink" || (left.length === 0 && !follow)) {
        trail.push({ name, node });
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) throw wrong("path_invalid", path, `more than ${MAX_LINKS} links lead to it`);
      const { target = "" } = await this.#tree.stat(node);
      if (target.startsWith("/")) trail.length = 0;
      left.unshift(...partsOf(target));
    }
    return { node: trail.at(-1)?.node ?? root, real: trail.map((step) => step.name) };
  }

  async #describe(node: OverlayNode, real: readonly string[]): Promise<OfflineEntry> {
    const { sizeBytes, mode, uid, gid, mtimeMs, target } = await this.#tree.stat(node);
    return {
      name: utf8(real.at(-1) ?? "/"),
      path: `/${real.map(utf8).join("/")}`,
      type: typeOf(node.mode),
      size: sizeBytes,
      mode: mode & MODE_BITS,
      ...{ uid, gid, mtimeMs },
      ...(target === undefined ? {} : { target: utf8(target) }),
    };
  }
}

const TYPES: Readonly<Record<number, OfflineEntry["type"]>> = {
  [MODE.directory]: "directory",
  [MODE.symlink]: "symlink",
  [MODE.fifo]: "fifo",
  [MODE.socket]: "socket",
  [MODE.character]: "device",
  [MODE.block]: "device",
};

function typeOf(mode: number): OfflineEntry["type"] {
  return TYPES[mode & TYPE_MASK] ?? "file";
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString();
}

function wrong(
  code: "file_not_found" | "not_directory" | "is_directory" | "path_invalid",
  path: string,
  why: string,
): BandSoxError {
  return new BandSoxError(code, `cannot read ${shown(path)}: ${why}`, {
    path: path.slice(0, PATH_MAX_CHARACTERS),
  });
}

function shown(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
