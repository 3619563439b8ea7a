import { Parser, type ReadEntry } from "tar";
import { ArchiveError } from "./tar-path.ts";

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * Reads a plain tar and hands over its entries one after the other, each to be read or resumed. Names and sizes are
 * the archive's; nothing of them has been checked.
 *
 * @throws {ArchiveError} on an archive that is damaged
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  onEntry: (entry: ReadEntry) => Promise<void>,
): Promise<void> {
  const gate = newGate();
  const parser = new Parser({ strict: true, zstd: false });
  let working: Promise<void> = Promise.resolve();
  parser.on("entry", (entry: ReadEntry) => {
    working = working.then(() => onEntry(entry)).catch(gate.fail);
  });
  parser.on("ignoredEntry", (entry: ReadEntry) => {
    // The real name or size of what follows would be lost with it.
    if (entry.meta) gate.fail(new ArchiveError(`a header of ${entry.size} bytes is too large`));
  });
  parser.on("drain", gate.open).on("end", gate.open);
  parser.on("error", (error: Error) => gate.fail(new ArchiveError(error.message, { cause: error })));

  let first = true;
  for await (const chunk of source) {
    // The parser would decompress what is compressed, and a few bytes could become any number of entries.
    if (first && chunk[0] === GZIP_MAGIC[0]) throw new ArchiveError("it is no plain tar");
    first = false;
    const waiting = gate.close();
    if (!parser.write(Buffer.from(chunk))) await waiting;
    gate.check();
  }
  const ended = gate.close();
  parser.end();
  await ended;
  await working;
  gate.check();
}

/** Something to wait at: until it opens, or the work has failed. */
function newGate() {
  let waiting = Promise.withResolvers<void>();
  let failure: { error: unknown } | undefined;
  return {
    open: () => waiting.resolve(),
    fail(error: unknown) {
      failure ??= { error };
      waiting.reject(failure.error);
    },
    close(): Promise<void> {
      waiting = Promise.withResolvers<void>();
      waiting.promise.catch(() => {}); // it may fail while nobody waits; `check` tells then
      if (failure) waiting.reject(failure.error);
      return waiting.promise;
    },
    check() {
      if (failure) throw failure.error;
    },
  };
}
