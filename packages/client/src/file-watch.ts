import type { FileEvent } from "@bandsox/contract";
import { fromWire } from "@bandsox/contract/wire";
import { interrupted, unreachable } from "./error.ts";
import { ChannelClosed, FrameChannel } from "./frame-channel.ts";
import type { Transport } from "./transport.ts";

export interface WatchOptions {
  /** Watch everything below, too (default: `false`) */
  readonly recursive?: boolean | undefined;
  /** Globs against paths below the watched one, of what is not told */
  readonly exclude?: readonly string[] | undefined;
  /** Ends the watch; the iteration then rejects with `interrupted` */
  readonly signal?: AbortSignal | undefined;
}

interface Watched {
  readonly vm: string;
  readonly path: string;
  readonly options: WatchOptions;
}

/** A watch that has begun: iterating it tells every change since. Leaving the iteration ends the watch. */
export class RemoteFileWatch implements AsyncDisposable {
  readonly #channel: FrameChannel;
  readonly #messages: ReturnType<FrameChannel["messages"]>;
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;
  #cursor: number;

  private constructor(
    transport: Transport,
    channel: FrameChannel,
    begun: Pick<RemoteFileWatch, never> & {
      readonly messages: ReturnType<FrameChannel["messages"]>;
      readonly cursor: number;
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.#url = transport.url;
    this.#channel = channel;
    this.#messages = begun.messages;
    this.#cursor = begun.cursor;
    this.#signal = begun.signal;
    begun.signal?.addEventListener("abort", () => channel[Symbol.dispose](), { once: true });
  }

  /** Resolves once the guest watches: what changes from then on is told. */
  static async start(transport: Transport, { vm, path, options }: Watched): Promise<RemoteFileWatch> {
    const { recursive = false, exclude = [], signal } = options;
    const query = new URLSearchParams({ path, recursive: recursive ? "1" : "0", exclude: exclude.join(",") });
    const channel = await FrameChannel.open(transport, `/api/vms/${encodeURIComponent(vm)}/watch?${query}`);
    const messages = channel.messages();
    try {
      const first = (await messages.next()).value;
      const { cursor } = JSON.parse(typeof first === "string" ? first : "{}") as { cursor: number };
      return new RemoteFileWatch(transport, channel, { messages, cursor, signal });
    } catch (error) {
      channel[Symbol.dispose]();
      throw error instanceof ChannelClosed ? unreachable(transport.url, error) : error;
    }
  }

  /** The cursor of the last event that was told. */
  get cursor(): number {
    return this.#cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FileEvent, void, undefined> {
    try {
      for await (const message of this.#messages) {
        if (typeof message !== "string") continue;
        const event = fromWire<FileEvent>(JSON.parse(message));
        this.#cursor = event.cursor;
        yield event;
      }
      if (this.#signal?.aborted) throw interrupted("the watch");
    } catch (error) {
      throw error instanceof ChannelClosed ? unreachable(this.#url, error) : error;
    } finally {
      await this.close();
    }
  }

  /** Ends the watch, and an iteration of it. */
  async close(): Promise<void> {
    this.#channel[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
