import type { Readable } from "node:stream";
import { BandSox } from "bandsox";

/** A stream text and bytes are written to; resolves once more may be written. */
export interface Output {
  readonly isTty: boolean;
  readonly columns: number;
  write(data: string | Uint8Array): Promise<void>;
}

/** What a command reads from. */
export interface Input {
  readonly isTty: boolean;
  /** The bytes, from the moment it is asked for; an open stdin keeps a process alive */
  open(): Readable;
}

/** What a command has of the world. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data, and nothing else */
  readonly stdout: Output;
  /** Progress and errors */
  readonly stderr: Output;
  readonly stdin: Input;
  /** Fires on SIGINT and SIGTERM */
  readonly signal: AbortSignal;
  /** Opens the storage a command names, or the default one */
  openBandSox(options: { storage?: string | undefined }): BandSox;
}

const DEFAULT_COLUMNS = 80;

/** The context of a real process. The first SIGINT or SIGTERM interrupts the work; its clean-up goes on. */
export function cliContext(process: NodeJS.Process): CliContext {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => controller.abort(signal));
  return {
    env: process.env,
    stdout: outputOf(process.stdout, () => controller.abort("EPIPE")),
    stderr: outputOf(process.stderr, () => controller.abort("EPIPE")),
    stdin: { isTty: process.stdin.isTTY === true, open: () => process.stdin },
    signal: controller.signal,
    openBandSox: ({ storage }) => new BandSox(storage === undefined ? {} : { storageDir: storage }),
  };
}

/** A reader that goes away, as `head` does, interrupts the work rather than breaking it. */
function outputOf(stream: NodeJS.WriteStream, onGone: () => void): Output {
  let gone = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    gone = true;
    onGone();
  });
  return {
    isTty: stream.isTTY === true,
    columns: stream.columns ?? DEFAULT_COLUMNS,
    write: (data) => new Promise((resolve) => (gone ? resolve() : stream.write(data, () => resolve()))),
  };
}
