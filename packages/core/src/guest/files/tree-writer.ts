import { chmod, link, lstat, mkdir, open, realpath, rename, symlink, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { FewAtOnce } from "./few-at-once.ts";
import { hostFileError } from "./file-errors.ts";
import { temporaryName, writeAll } from "./host-file.ts";
import { ArchiveError } from "./tar-path.ts";

const PERMISSION_BITS = 0o777;
const OWNER_ALL = 0o700;
/** A file that is kept in memory, to be written while the next ones come */
const SMALL_BYTES = 64 * 1024;
/** Each step of one is a way to another thread and back; with as many, those threads never sleep */
const SMALL_AT_ONCE = 16;

/** What an archive says of an entry. */
export interface EntryFacts {
  readonly mode: number;
  readonly mtime: Date;
}

/**
 * Writes a tree below one directory of this host, whatever the names say. Nothing is written through a link: every
 * directory on the way is looked at without following it, and links are made when everything else is there.
 */
export class TreeWriter implements AsyncDisposable {
  readonly #small = new FewAtOnce(SMALL_AT_ONCE);
  readonly #root: string;
  readonly #directories = new Set<string>([""]);
  readonly #made: { path: string; facts: EntryFacts }[] = [];
  readonly #links: { names: readonly string[]; target: string }[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  /** The directory is made if it is not there. */
  static async open(root: string): Promise<TreeWriter> {
    try {
      await mkdir(root, { recursive: true });
      return new TreeWriter(await realpath(root));
    } catch (error) {
      throw hostFileError(error, "write", root);
    }
  }

  async directory(names: readonly string[], facts: EntryFacts): Promise<void> {
    const before = this.#made.length;
    const path = await this.#directory(names);
    const own = this.#made.length > before && this.#made.at(-1);
    if (own && own.path === path) own.facts = facts;
  }

  /**
   * A file appears under its name whole; set-user-id and the like are dropped. A small one may do so later: what that meets
   * is thrown by a later call, `finish` at the latest. `data` is read to its end here.
   */
  async file(names: readonly string[], facts: EntryFacts, data: AsyncIterable<Uint8Array>): Promise<void> {
    const path = await this.#place(names);
    await this.#small.settle(keyOf(path));
    const rest = data[Symbol.asyncIterator]();
    const head: Uint8Array[] = [];
    // An archive may say of a file that it is small, and go on.
    for (let bytes = 0; bytes <= SMALL_BYTES; ) {
      const { done, value } = await rest.next();
      if (done) return this.#small.begin(keyOf(path), () => this.#write(path, facts, head));
      head.push(value);
      bytes += value.length;
    }
    await this.#write(path, facts, followed(head, rest));
  }

  #write(
    path: string,
    facts: EntryFacts,
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    return this.#throughTemporary(path, async (temporary) => {
      await using file = await open(temporary, "wx", 0o600);
      let bytes = 0;
      for await (const piece of pieces) {
        await writeAll(file, [piece], bytes);
        bytes += piece.length;
      }
      await file.chmod(permissions(facts.mode));
      await file.utimes(facts.mtime, facts.mtime);
    });
  }

  /** A second name for a file of the same archive. */
  async hardLink(names: readonly string[], existing: readonly string[]): Promise<void> {
    const path = await this.#place(names);
    const source = await this.#place(existing);
    await this.#small.settleAll();
    const found = await lstat(source).catch(() => undefined);
    if (!found?.isFile())
      throw new ArchiveError(`a link names ${existing.join("/")}, which is no file in it`);
    await this.#throughTemporary(path, (temporary) => link(source, temporary));
  }

  /** Made by `finish`; the caller has decided that its target may be what it is. */
  symbolicLink(names: readonly string[], target: string): void {
    this.#links.push({ names, target });
  }

  /** Makes the links and gives directories their modes, which might have kept us out of them before. */
  async finish(): Promise<void> {
    await this.#small.settleAll();
    for (const { names, target } of this.#links) {
      const path = await this.#place(names);
      await this.#throughTemporary(path, (temporary) => symlink(target, temporary));
    }
    for (const { path, facts } of this.#made.reverse()) {
      await chmod(path, permissions(facts.mode) | OWNER_ALL);
      await utimes(path, facts.mtime, facts.mtime);
    }
  }

  /** Resolves once nothing is written any more, also after a failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#small[Symbol.asyncDispose]();
  }

  /** Where an entry goes, with the directory it lies in made. */
  async #place(names: readonly string[]): Promise<string> {
    const name = names.at(-1);
    if (name === undefined)
      throw new ArchiveError("an entry that is no directory stands for the destination");
    return join(await this.#directory(names.slice(0, -1)), name);
  }

  async #directory(names: readonly string[]): Promise<string> {
    let path = this.#root;
    for (let depth = 1; depth <= names.length; depth++) {
      path = join(path, names[depth - 1] ?? "");
      const key = names.slice(0, depth).join("/");
      if (this.#directories.has(key)) continue;
      await this.#enter(path);
      this.#directories.add(key);
    }
    return path;
  }

  async #enter(path: string): Promise<void> {
    await this.#small.settle(keyOf(path));
    try {
      await mkdir(path);
      this.#made.push({ path, facts: { mode: PERMISSION_BITS, mtime: new Date() } });
    } catch (error) {
      const found = await lstat(path).catch(() => undefined);
      if (found?.isDirectory()) return;
      if (found === undefined) throw hostFileError(error, "write", path);
      const what = found.isSymbolicLink() ? "it is a link, and links are not followed" : "it is no directory";
      throw new BandSoxError("not_directory", `cannot write below ${path} on this host: ${what}`, { path });
    }
  }

  async #throughTemporary<T>(path: string, make: (temporary: string) => Promise<T>): Promise<T> {
    const temporary = join(path, "..", temporaryName());
    try {
      const result = await make(temporary);
      await rename(temporary, path);
      return result;
    } catch (error) {
      await unlink(temporary).catch(() => {}); // it may not have been made
      throw hostFileError(error, "write", path);
    }
  }
}

/** The same for names that a file system may take for one. */
function keyOf(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

async function* followed(
  head: Iterable<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* head;
    for (;;) {
      const { done, value } = await rest.next();
      if (done) return;
      yield value;
    }
  } finally {
    await rest.return?.();
  }
}

function permissions(mode: number): number {
  return mode & PERMISSION_BITS & ~process.umask();
}
