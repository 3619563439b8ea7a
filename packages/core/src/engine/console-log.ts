import { watch } from "node:fs";
import { access, type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { printable } from "../host/printable.ts";

const CHUNK_BYTES = 65_536;
/** A VM's end changes no file when its supervisor was killed; who follows looks this often as well */
const OVER_CHECK_MS = 500;

export interface ConsoleOptions {
  /** Goes on with what is written (default: `false`) */
  readonly follow?: boolean | undefined;
  /** Whether nobody writes any more; following ends then */
  readonly isOver?: (() => Promise<boolean>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A VM's console log as text without control characters, its predecessor `.1` first. With `follow` it goes on until
 * `signal` fires, the VM has ended or it is deleted: the supervisor renames a full log to `.1` and begins another, which is
 * followed then.
 */
export async function* readConsole(
  path: string,
  { follow = false, isOver, signal }: ConsoleOptions = {},
): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder("utf8");
  // Watched before it is read: what is written between the two is told by the watcher.
  using changes = follow ? changesIn(dirname(path), signal) : undefined;
  await using files = new AsyncDisposableStack();
  const opened = async (name: string) => {
    const file = await openIfThere(name);
    return file && files.adopt(file, (kept) => kept.close());
  };
  let log = await opened(path);
  const predecessor = await opened(`${path}.1`);
  // Renamed between the two: there is only the one.
  if (predecessor && !(await isSameFile(predecessor, log))) yield* rest(predecessor, decoder);
  if (log) yield* rest(log, decoder);
  for (let isLast = false; changes && !isLast; ) {
    isLast = (await isOver?.()) ?? false; // asked before what was written last is read
    if (!isLast && !(await changes.next())) return;
    const current = await openIfThere(path);
    if (log) yield* rest(log, decoder);
    if (!current && !(await exists(dirname(path)))) return;
    if (!current || (await isSameFile(current, log))) {
      await current?.close();
      continue;
    }
    await log?.close();
    log = files.adopt(current, (kept) => kept.close());
    yield* rest(log, decoder);
  }
}

/** What a file holds beyond what was read of it, in pieces. */
async function* rest(file: FileHandle, decoder: StringDecoder): AsyncGenerator<string> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    const text = printable(decoder.write(buffer.subarray(0, bytesRead)));
    if (text !== "") yield text;
  }
}

/** Changes in a directory, one at a time, and now and then none; those that nobody waited for count as one. */
function changesIn(dir: string, signal: AbortSignal | undefined): Disposable & { next(): Promise<boolean> } {
  let changed = Promise.withResolvers<boolean>();
  const watcher = watch(dir, () => changed.resolve(true));
  const looking = setInterval(() => changed.resolve(true), OVER_CHECK_MS);
  const over = () => changed.resolve(false);
  watcher.on("error", over);
  signal?.addEventListener("abort", over, { once: true });
  return {
    async next() {
      if (signal?.aborted || !(await changed.promise)) return false;
      changed = Promise.withResolvers<boolean>();
      return !signal?.aborted;
    },
    [Symbol.dispose]: () => {
      signal?.removeEventListener("abort", over);
      clearInterval(looking);
      watcher.close();
    },
  };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isSameFile(one: FileHandle, other: FileHandle | undefined): Promise<boolean> {
  if (!other) return false;
  const [a, b] = await Promise.all([one.stat(), other.stat()]);
  return a.ino === b.ino && a.dev === b.dev;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
