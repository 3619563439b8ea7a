import { writeSync } from "node:fs";
import type { Readable } from "node:stream";
import type { ReadStream, WriteStream } from "node:tty";
import type { TerminalSize } from "bandsox";

/** What a command reads from. */
export interface Keyboard {
  readonly isTty: boolean;
  /** The bytes, from the moment it is asked for; who asks ends it, by `pause` or `destroy` */
  open(): Readable;
  /** Raw: each key at once, none of them special. Only where `isTty`. */
  setRaw(isRaw: boolean): void;
}

/** What a command's output is seen on. */
export interface Screen {
  readonly size: TerminalSize;
  /** Calls back at each change of size until disposed of. */
  onResize(listener: () => void): Disposable;
  /** Writes at once, also while the process ends */
  writeNow(text: string): void;
}

const DEFAULT_SIZE: TerminalSize = { cols: 80, rows: 24 };
const CELLS_MAX = 4096;

/** The keyboard behind a stream; opened only when it is needed, for an open stdin keeps a process alive. */
export function keyboardOf(stdin: () => ReadStream): Keyboard {
  return {
    get isTty() {
      return stdin().isTTY === true;
    },
    open: () => stdin(),
    setRaw: (isRaw) => void stdin().setRawMode(isRaw),
  };
}

/** The screen a stream writes to. */
export function screenOf(stdout: WriteStream): Screen {
  return {
    get size() {
      const { columns, rows } = stdout;
      return { cols: clamp(columns, DEFAULT_SIZE.cols), rows: clamp(rows, DEFAULT_SIZE.rows) };
    },
    onResize: (listener) => {
      stdout.on("resize", listener);
      return { [Symbol.dispose]: () => void stdout.off("resize", listener) };
    },
    writeNow: (text) => writeNow(stdout, text),
  };
}

/** Who left no terminal to be written to needs no more of it. */
function writeNow({ fd }: WriteStream & { fd?: number }, text: string): void {
  try {
    writeSync(fd ?? 1, text);
  } catch {
    // gone, or full while the process ends
  }
}

/** A terminal may say it has no columns at all. */
function clamp(cells: number | undefined, fallback: number): number {
  return cells ? Math.min(cells, CELLS_MAX) : fallback;
}
