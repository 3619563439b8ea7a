import type { BandSoxEvent, EventQueryInput } from "@bandsox/contract";
import { fromWire } from "@bandsox/contract/wire";
import { interrupted, isBandSoxError } from "./error.ts";
import { ChannelClosed, FrameChannel } from "./frame-channel.ts";
import { Reconnecting } from "./reconnecting.ts";
import { textOf } from "./streams.ts";
import type { Transport } from "./transport.ts";

type Asked = Pick<EventQueryInput, "vm" | "types"> & { readonly since: number | "now" };

/** What happens on a server, in order. A connection that breaks is made again after the last event that was told. */
export async function* followEvents(
  transport: Transport,
  { follow = true, since = 0, ...query }: EventQueryInput = {},
  signal?: AbortSignal,
): AsyncGenerator<BandSoxEvent, void, undefined> {
  const left = new AbortController();
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const reconnecting = new Reconnecting();
  const asked = { ...query, since };
  try {
    for (;;) {
      try {
        const events = follow ? socketEvents : listedEvents;
        for await (const event of events(transport, asked, either)) {
          reconnecting.progressed();
          asked.since = event.seq;
          yield event;
        }
        if (!follow) return;
        throw new ChannelClosed(1006, "before it was left");
      } catch (error) {
        if (signal?.aborted) return;
        if (!follow && !isBandSoxError(error, "server_unreachable")) throw error;
        await reconnecting.after(error, either);
      }
    }
  } catch (error) {
    throw signal?.aborted ? interrupted("the events", error) : error;
  } finally {
    left.abort();
  }
}

/** What there is. */
async function* listedEvents(
  transport: Transport,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<BandSoxEvent, void, undefined> {
  const query = { ...queryOf(asked), follow: "0" as const };
  const call = { query, accept: "application/x-ndjson", signal, timeoutMs: 0 };
  let rest = "";
  for await (const text of textOf(transport, "GET /api/events", call)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield fromWire<BandSoxEvent>(JSON.parse(line));
  }
}

/** What there is and what comes. Browsers have few HTTP connections, and many WebSockets. */
async function* socketEvents(
  transport: Transport,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<BandSoxEvent, void, undefined> {
  using channel = await FrameChannel.open(
    transport,
    `/api/events/follow?${new URLSearchParams(queryOf(asked))}`,
  );
  const leave = () => channel[Symbol.dispose]();
  signal.addEventListener("abort", leave, { once: true });
  try {
    if (signal.aborted) return;
    for await (const message of channel.messages()) {
      if (typeof message === "string") yield fromWire<BandSoxEvent>(JSON.parse(message));
    }
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

function queryOf({ since, vm, types }: Asked): Record<string, string> {
  return {
    since: `${since}`,
    ...(vm === undefined ? {} : { vm }),
    ...(types === undefined ? {} : { types: types.join(",") }),
  };
}
