import { BandSoxError, FileEvent, isBandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { FrameError, readFrames } from "../frames.ts";
import { newAttempts } from "./attempts.ts";
import { parseJson } from "./data-frames.ts";
import type { FileCall, FileChannel } from "./file-channel.ts";

const EVENT_FRAMES: ReadonlySet<7> = new Set([7]);
const CLOSE_TIMEOUT_MS = 5_000;

const Started = z.object({ id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), cursor: z.int().min(0) });
type Started = z.infer<typeof Started>;

export interface WatchOptions {
  /** Watch everything below, too (default: `false`) */
  readonly recursive?: boolean | undefined;
  /** Globs against paths below the watched one, of what is not told */
  readonly exclude?: readonly string[] | undefined;
  /** Ends the watch; the iteration then rejects with `interrupted` */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A watch that has begun: iterating it tells every change since. Connections that break are made again; changes that
 * were lost, because nobody read for long or because the guest lost the watch, are told as one event `overflow`.
 * Leaving the iteration ends the watch.
 */
export class FileWatch implements AsyncDisposable {
  readonly #channel: FileChannel;
  readonly #path: string;
  readonly #options: WatchOptions;
  readonly #closing = new AbortController();
  #started: Started;

  private constructor(channel: FileChannel, path: string, options: WatchOptions, started: Started) {
    this.#channel = channel;
    this.#path = path;
    this.#options = options;
    this.#started = started;
  }

  /** Resolves once the guest watches: what changes from then on is told. */
  static async start(channel: FileChannel, path: string, options: WatchOptions = {}): Promise<FileWatch> {
    return new FileWatch(channel, path, options, await begin(channel, path, options));
  }

  /** The cursor of the last event that was told. */
  get cursor(): number {
    return this.#started.cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FileEvent, void, undefined> {
    const { signal } = this.#options;
    const attempts = newAttempts(["guest_unreachable", "watch_not_found"], signal);
    try {
      for (let told = 0; !this.#closing.signal.aborted; ) {
        try {
          for await (const event of this.#events()) {
            told++;
            this.#started = { ...this.#started, cursor: event.cursor };
            yield event;
          }
        } catch (error) {
          if (this.#closing.signal.aborted) return;
          attempts.failed(error, told);
          if (isBandSoxError(error, "watch_not_found")) yield await this.#again();
        }
      }
    } finally {
      await this.close();
    }
  }

  /** Ends the watch, and an iteration of it. A guest that is gone is no error. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const url = `/v1/watches/${this.#started.id}`;
    const signal = AbortSignal.timeout(CLOSE_TIMEOUT_MS);
    const call = { ...this.#call("end watching"), method: "DELETE", url, signal } as const;
    await this.#channel.json(call, z.unknown()).catch(() => {}); // the guest forgets it by itself after a while
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#events(): AsyncGenerator<FileEvent, void, undefined> {
    const { id, cursor } = this.#started;
    const signals = [this.#closing.signal, ...(this.#options.signal ? [this.#options.signal] : [])];
    const call = {
      ...this.#call("watch"),
      method: "GET",
      url: `/v1/watches/${id}`,
      query: { after: cursor },
      signal: AbortSignal.any(signals),
    } as const;
    try {
      let last = cursor;
      for await (const { data } of readFrames(this.#channel.follow(call), EVENT_FRAMES)) {
        const event = FileEvent.safeParse(parseJson(data));
        if (!event.success || event.data.cursor <= last)
          throw new FrameError("an event of a watch is not what it should be");
        last = event.data.cursor;
        yield event.data;
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const { vmId } = this.#channel;
      const message = `the agent in ${vmId} broke the protocol: ${error.message}`;
      throw new BandSoxError("guest_protocol", message, { vmId }, { cause: error });
    }
    const message = `the guest ended the watch of ${this.#path} in ${this.#channel.vmId}`;
    throw new BandSoxError("guest_unreachable", message, { vmId: this.#channel.vmId });
  }

  /** The guest has forgotten the watch: another takes its place, and what was lost in between is said to be. */
  async #again(): Promise<FileEvent> {
    this.#started = await begin(this.#channel, this.#path, this.#options);
    return { cursor: this.#started.cursor, type: "overflow" };
  }

  #call(doing: string): Pick<FileCall, "task"> {
    return { task: { path: this.#path, doing } };
  }
}

function begin(
  channel: FileChannel,
  path: string,
  { recursive, exclude, signal }: WatchOptions,
): Promise<Started> {
  const call = { task: { path, doing: "watch" }, method: "POST", url: "/v1/watches", signal } as const;
  return channel.json(call, Started, { path, recursive, exclude });
}
