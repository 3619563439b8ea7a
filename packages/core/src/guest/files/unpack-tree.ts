import { BandSoxError, type TreeResult } from "@bandsox/contract";
import type { ReadEntry } from "tar";
import { readTar } from "./read-tar.ts";
import { ArchiveError, entryNames, linkStaysInside } from "./tar-path.ts";
import { TreeWriter } from "./tree-writer.ts";

const SKIPPED_TOLD = 1000;
const FILES = ["File", "OldFile", "ContiguousFile"];
const DIRECTORIES = ["Directory", "GNUDumpDir"];

/** Bounds on what an archive may make of itself. */
export interface UnpackLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/**
 * Unpacks a tar from a guest below a directory of this host. Whatever it holds, nothing outside is touched: a name that
 * leads out makes the archive invalid; devices, fifos and links that may lead out are left out and told.
 *
 * @throws {ArchiveError} on an archive that is not to be trusted
 * @throws {BandSoxError} `file_too_large`, `too_many_files`, `not_directory`, `disk_full`
 */
export async function unpackTree(
  source: AsyncIterable<Uint8Array>,
  to: string,
  limits: UnpackLimits,
): Promise<TreeResult> {
  await using writer = await TreeWriter.open(to);
  const unpacking = new Unpacking(writer, to, limits);
  await readTar(source, (entry, data) => unpacking.add(entry, data));
  await writer.finish();
  return unpacking.result();
}

class Unpacking {
  readonly #writer: TreeWriter;
  readonly #to: string;
  readonly #limits: UnpackLimits;
  #entries = 0;
  #bytes = 0;
  readonly #skipped: { path: string; reason: string }[] = [];

  constructor(writer: TreeWriter, to: string, limits: UnpackLimits) {
    this.#writer = writer;
    this.#to = to;
    this.#limits = limits;
  }

  async add(entry: ReadEntry, data: AsyncIterable<Uint8Array>): Promise<void> {
    this.#count();
    const names = entryNames(entry.path);
    const facts = { mode: entry.mode ?? 0, mtime: sane(entry.mtime) };
    if (FILES.includes(entry.type)) {
      await this.#writer.file(names, facts, this.#counted(data));
      return;
    }
    entry.resume();
    if (DIRECTORIES.includes(entry.type)) await this.#writer.directory(names, facts);
    else if (entry.type === "Link") await this.#writer.hardLink(names, entryNames(entry.linkpath ?? ""));
    else if (entry.type === "SymbolicLink") this.#link(names, entry.linkpath ?? "");
    else this.#skip(names, `a ${entry.type} is not made on this host`);
  }

  result(): TreeResult {
    return { entries: this.#entries, bytes: this.#bytes, skipped: this.#skipped };
  }

  #link(names: readonly string[], target: string): void {
    if (names.length === 0) throw new ArchiveError("a link stands for the destination");
    if (linkStaysInside(names, target)) this.#writer.symbolicLink(names, target);
    else this.#skip(names, "a link that leads out of the tree is not made");
  }

  #skip(names: readonly string[], reason: string): void {
    this.#entries--;
    if (this.#skipped.length < SKIPPED_TOLD) this.#skipped.push({ path: names.join("/"), reason });
  }

  #count(): void {
    this.#entries++;
    const limit = this.#limits.maxEntries;
    if (this.#entries + this.#skipped.length <= limit) return;
    const message = `cannot unpack into ${this.#to}: there are more than ${limit} entries`;
    throw new BandSoxError("too_many_files", message, { path: this.#to, limit });
  }

  async *#counted(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const limitBytes = this.#limits.maxBytes;
    for await (const chunk of data) {
      this.#bytes += chunk.length;
      if (this.#bytes > limitBytes) {
        const message = `cannot unpack into ${this.#to}: there are more than ${limitBytes} bytes`;
        throw new BandSoxError("file_too_large", message, { path: this.#to, limitBytes });
      }
      yield chunk;
    }
  }
}

/** Times beyond what file systems can hold would fail the file. */
function sane(time: Date | undefined): Date {
  const ms = time?.getTime() ?? Number.NaN;
  return ms >= 0 && ms < 2 ** 42 ? new Date(ms) : new Date(0);
}
