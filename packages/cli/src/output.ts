import { BandSoxError } from "@bandsox/contract";

/** A stream text and bytes are written to. */
export interface Output {
  readonly isTty: boolean;
  readonly columns: number;
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

/** Wraps a stream of the process. After its first failure nothing more is written. */
export function outputOf(
  stream: NodeJS.WriteStream,
  { name, onFailure }: { name: string; onFailure: (failure: OutputFailure) => void },
): Output {
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
  return { isTty: stream.isTTY === true, columns: stream.columns ?? DEFAULT_COLUMNS, write };
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
