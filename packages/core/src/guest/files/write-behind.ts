import type { FileHandle } from "node:fs/promises";
import { writeAll } from "./host-file.ts";

/** Gathered into one write: what a write costs hardly depends on its size */
const BATCH_BYTES = 1024 * 1024;
/** As many pieces as every kernel takes in one write */
const BATCH_PIECES = 1024;

/** Writes a stream of pieces to a file, large parts at a time and one of them while the next pieces come. */
export class WriteBehind implements AsyncDisposable {
  readonly #file: FileHandle;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Where in the file the gathered pieces go */
  #position: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  /** Takes a piece, which must not be changed any more. Holds two parts at most. @throws what writing an earlier one met */
  async take(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= BATCH_BYTES || this.#pieces.length >= BATCH_PIECES) await this.#begin();
  }

  /** Resolves once all that was taken is written. */
  async finish(): Promise<void> {
    await this.#begin();
    await this.#writing;
  }

  /** Resolves once nothing is being written any more, so that somebody else can. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => {}); // told by `take` or `finish`, or of an attempt that is given up
  }

  async #begin(): Promise<void> {
    await this.#writing;
    if (this.#bytes === 0) return;
    const [part, position] = [this.#pieces, this.#position];
    this.#position += this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    this.#writing = writeAll(this.#file, part, position);
    this.#writing.catch(() => {}); // told by the next call
  }
}
