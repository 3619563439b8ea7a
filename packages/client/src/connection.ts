import { API_FRAMES } from "@bandsox/contract/wire";
import { interrupted, unreachable } from "./error.ts";
import { ChannelClosed, type ChannelMessage, FrameChannel } from "./frame-channel.ts";
import type { ConnectOptions, RemoteConnection } from "./remote-connection.ts";
import type { Transport } from "./transport.ts";

const PIECE_BYTES = 64 * 1024;

interface Target extends ConnectOptions {
  readonly vm: string;
  readonly port: number;
}

/** Connects. @throws {BandSoxError} `connect_failed`, `invalid_argument`, what the server says */
export async function openConnection(transport: Transport, target: Target): Promise<RemoteConnection> {
  const { vm, port, host, signal } = target;
  const query = new URLSearchParams({ port: `${port}`, ...(host === undefined ? {} : { host }) });
  if (signal?.aborted) throw interrupted("the connection");
  const channel = await FrameChannel.open(transport, `/api/vms/${encodeURIComponent(vm)}/tcp?${query}`);
  const close = () => channel[Symbol.dispose]();
  signal?.addEventListener("abort", close, { once: true });
  const messages = channel.messages();
  try {
    await begin(messages, signal);
  } catch (error) {
    close();
    throw error instanceof ChannelClosed ? unreachable(transport.url, error) : error;
  }
  const writable = new WritableStream<Uint8Array>({
    write: (bytes) => send(channel, bytes),
    close: () => channel.send(API_FRAMES.eof),
    abort: close,
  });
  return { readable: readableOf(messages, { transport, close, signal }), writable, close };
}

/** Waits until the guest was reached. */
async function begin(messages: AsyncGenerator<ChannelMessage>, signal?: AbortSignal): Promise<void> {
  const { done } = await messages.next();
  if (!done) return;
  throw signal?.aborted ? interrupted("the connection") : new ChannelClosed(1006, "before it began");
}

async function send(channel: FrameChannel, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    await channel.send(API_FRAMES.stdin, bytes.subarray(at, at + PIECE_BYTES));
  }
}

interface Reading {
  readonly transport: Transport;
  readonly close: () => void;
  readonly signal?: AbortSignal | undefined;
}

function readableOf(
  messages: AsyncGenerator<ChannelMessage>,
  { transport, close, signal }: Reading,
): ReadableStream<Uint8Array> {
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    try {
      for (;;) {
        const { value, done } = await messages.next();
        if (signal?.aborted) throw interrupted("the connection");
        if (done || (typeof value !== "string" && value.kind === API_FRAMES.ended)) return controller.close();
        if (typeof value === "string" || value.kind !== API_FRAMES.stdout) continue;
        return controller.enqueue(value.data);
      }
    } catch (error) {
      controller.error(error instanceof ChannelClosed ? unreachable(transport.url, error) : error);
    }
  };
  // Nothing is read ahead: the server sends no more than was taken.
  return new ReadableStream({ pull, cancel: close }, { highWaterMark: 0 });
}
