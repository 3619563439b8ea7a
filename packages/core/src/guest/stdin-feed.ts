import type { FrameDuplex } from "./duplex.ts";
import type { StdinSource } from "./stdin-source.ts";
import type { StdinWindow } from "./stdin-window.ts";

interface Piece {
  readonly from: number;
  readonly data: Uint8Array;
}

const endOf = ({ from, data }: Piece) => from + data.length;

/**
 * Sends a command what it is to read, and the end of that, over one connection after the other. What the guest has not
 * taken is kept for the next: a window and one piece of the source.
 */
export class StdinFeed {
  /** Why the source could not be read; the command is then killed, and its caller sees this */
  failure: unknown;
  readonly #source: StdinSource;
  readonly #window: StdinWindow;
  /** In order, without gaps */
  #kept: Piece[] = [];
  /** How much was read from the source */
  #end = 0;
  #hasEnded = false;
  #reading: Promise<void> | undefined;
  #sending: Promise<void>[] = [];
  /** Wake those that wait for the source */
  readonly #waking = new Set<() => void>();
  #isOver = false;

  constructor(source: StdinSource, window: StdinWindow) {
    this.#source = source;
    this.#window = window;
  }

  /** Begins to send on a connection, from a position on; the one before has ended. */
  over(duplex: FrameDuplex, from: number): void {
    this.#sending.push(
      this.#send(duplex, from).catch(() => {
        // The connection is gone, and whoever reads its frames learns why.
      }),
    );
  }

  /** Stops waiting for the source, and returns when nothing is sent any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const wake of this.#waking) wake();
    await Promise.all(this.#sending);
  }

  async #send(duplex: FrameDuplex, from: number): Promise<void> {
    for (let at = from; !this.#isOver; ) {
      const piece = this.#pieceAt(at);
      if (piece) {
        await duplex.sendStdin(piece);
        at += piece.length;
      } else if (this.#hasEnded) {
        return await duplex.endStdin();
      } else if (!(await this.#read())) {
        return duplex[Symbol.dispose]();
      }
    }
  }

  #pieceAt(at: number): Uint8Array | undefined {
    while (this.#kept[0] && endOf(this.#kept[0]) <= this.#window.taken) this.#kept.shift();
    let [low, high] = [0, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const piece = this.#kept[middle];
      if (piece && endOf(piece) > at) high = middle;
      else low = middle + 1;
    }
    const found = this.#kept[low];
    return found?.data.subarray(Math.max(0, at - found.from));
  }

  /** Reads on, once for all connections that wait for it. @returns whether the source could be read */
  async #read(): Promise<boolean> {
    this.#reading ??= this.#source.next().then(
      (data) => {
        this.#reading = undefined;
        this.#hasEnded = data === undefined;
        if (!data?.length) return;
        this.#kept.push({ from: this.#end, data });
        this.#end += data.length;
      },
      (error: unknown) => {
        this.failure = error;
      },
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waking.add(resolve);
    void this.#reading.then(resolve);
    await promise;
    this.#waking.delete(resolve);
    return this.failure === undefined;
  }
}
