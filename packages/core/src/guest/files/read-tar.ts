import { Parser, type ReadEntry } from "tar";
import { ArchiveError } from "./tar-path.ts";

/** No name in a tar begins with it */
const GZIP_MAGIC = 0x1f;

/**
 * What may come between two entries: headers of headers, each of which the parser bounds by a size that an earlier one can give it,
 * and what fills an archive up at its end
 */
const BETWEEN_MAX_BYTES = 16 * 1024 * 1024;

/** What is done with an entry: its data is read to the end, or the entry resumed. */
type OnEntry = (entry: ReadEntry, data: AsyncIterable<Uint8Array>) => Promise<void>;

/**
 * Reads a plain tar and hands over its entries one after the other. Names and sizes are the archive's; nothing of them
 * has been checked. When it settles, no entry is being worked on.
 *
 * @throws {ArchiveError} on an archive that is damaged
 */
export async function readTar(source: AsyncIterable<Uint8Array>, onEntry: OnEntry): Promise<void> {
  const gate = newGate();
  const parser = new Parser({ strict: true, zstd: false });
  let working: Promise<void> = Promise.resolve();
  let current: ReadEntry | undefined;
  const between = newBetween();
  parser.on("entry", (entry: ReadEntry) => {
    current = entry;
    between.ends(entry);
    working = working.then(() => onEntry(entry, dataOf(entry, gate.check))).catch(gate.fail);
  });
  parser.on("ignoredEntry", (entry: ReadEntry) => {
    // The real name or size of what follows would be lost with it.
    if (entry.meta) gate.fail(new ArchiveError(`a header of ${entry.size} bytes is too large`));
  });
  parser.on("drain", gate.open).on("end", gate.open);
  parser.on("error", (error: Error) => gate.fail(new ArchiveError(error.message, { cause: error })));
  try {
    await feed(parser, between.of(source), gate);
  } catch (error) {
    gate.fail(error);
    current?.destroy(); // what waits for its data is woken
  }
  await working;
  gate.check();
}

async function feed(parser: Parser, source: AsyncIterable<Uint8Array>, gate: Gate): Promise<void> {
  let first = true;
  for await (const chunk of source) {
    // The parser would decompress what is compressed, and a few bytes could become any number of entries.
    if (first && chunk[0] === GZIP_MAGIC) throw new ArchiveError("it is no plain tar");
    first = false;
    const waiting = gate.close();
    if (!parser.write(Buffer.from(chunk))) await waiting;
    gate.check();
  }
  const ended = gate.close();
  parser.end();
  await ended;
}

/** Counts what comes while no entry does, which may be kept by the parser. */
function newBetween() {
  let bytes = 0;
  let current: ReadEntry | undefined;
  return {
    ends(entry: ReadEntry) {
      bytes = 0;
      current = entry;
    },
    async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of source) {
        if (!current || current.emittedEnd) bytes += chunk.length;
        if (bytes > BETWEEN_MAX_BYTES)
          throw new ArchiveError(`more than ${BETWEEN_MAX_BYTES} bytes come between two of its entries`);
        yield chunk;
      }
    },
  };
}

/** An entry's data, which ends in the reader's failure: a destroyed entry says nothing to who asks it afterwards. */
async function* dataOf(entry: ReadEntry, check: () => void): AsyncGenerator<Uint8Array, void, undefined> {
  const data = entry[Symbol.asyncIterator]();
  for (;;) {
    check();
    const { value, done } = await data.next();
    check();
    if (done) return;
    yield value as Uint8Array;
  }
}

type Gate = ReturnType<typeof newGate>;

/** Something to wait at: until it opens, or the work has failed. */
function newGate() {
  let waiting: PromiseWithResolvers<void> | undefined;
  let failure: { error: unknown } | undefined;
  return {
    open: () => waiting?.resolve(),
    fail(error: unknown) {
      failure ??= { error };
      waiting?.reject(failure.error);
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
