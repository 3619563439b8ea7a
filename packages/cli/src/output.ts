import { BandSoxError } from "@bandsox/contract";

/** A stream text and bytes are written to. */
export interface Output {
  readonly isTty: boolean;
  readonly columns: number;
  /** Whether colours may be shown: on a terminal, unless `NO_COLOR` is set */
  readonly hasColors: boolean;
  /**
   * Resolves once more may be written, also when the reader has gone away. Who does not wait learns of a failure by
   * the interruption it causes.
   *
   * @throws {BandSoxError} `disk_full`, `output_failed`
   */
  write(data: string | Uint8Array): Promise<void>;
}

/** Why an output takes no more: its reader went away, as `head` does, or an error. */
export type OutputFailure = typeof READER_GONE | BandSoxError;

/** A reader that went away; nothing is wrong. */
export const READER_GONE = "the reader of the output has gone";

const DEFAULT_COLUMNS = 80;

export interface OutputOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onFailure: (failure: OutputFailure) => void;
}

/** Wraps a stream of the process. After its first failure nothing more is written. */
export function outputOf(stream: NodeJS.WriteStream, { name, env, onFailure }: OutputOptions): Output {
  let failure: OutputFailure | undefined;
  const fail = (error: NodeJS.ErrnoException): OutputFailure => {
    if (failure) return failure;
    failure = error.code === "EPIPE" ? READER_GONE : writeError(name, error);
    onFailure(failure);
    return failure;
  };
  stream.on("error", fail);
  const write = (data: string | Uint8Array) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (known: OutputFailure | undefined) =>
      known === undefined || known === READER_GONE ? resolve() : reject(known);
    if (failure) settle(failure);
    else stream.write(data, (error) => settle(error ? fail(error) : undefined));
    promise.catch(() => {}); // also when nobody waits
    return promise;
  };
  const isTty = stream.isTTY === true;
  return {
    isTty,
    get columns() {
      return stream.columns || DEFAULT_COLUMNS; // a terminal may say it has none at all
    },
    hasColors: isTty && !env.NO_COLOR && env.TERM !== "dumb",
    write,
  };
}

function writeError(name: string, error: NodeJS.ErrnoException): BandSoxError {
  if (error.code === "ENOSPC") {
    const message = `cannot write to ${name}: no space left on device`;
    return new BandSoxError("disk_full", message, { path: name }, { cause: error });
  }
  return new BandSoxError(
    "output_failed",
    `cannot write to ${name}: ${error.message}`,
    { path: name },
    { cause: error },
  );
}
