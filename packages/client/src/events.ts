import type { BandSoxEvent, EventQueryInput } from "@bandsox/contract";
import { fromWire } from "@bandsox/contract/wire";
import { interrupted, isBandSoxError } from "./error.ts";
import { ChannelClosed } from "./frame-channel.ts";
import { Reconnecting } from "./reconnecting.ts";
import { textOf } from "./streams.ts";
import type { Transport } from "./transport.ts";

/** What happens on a server, in order. A connection that breaks is made again after the last event that was told. */
export async function* followEvents(
  transport: Transport,
  query: EventQueryInput = {},
  signal?: AbortSignal,
): AsyncGenerator<BandSoxEvent, void, undefined> {
  const { follow = true, vm, types } = query;
  const left = new AbortController();
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const reconnecting = new Reconnecting();
  let since = query.since ?? 0;
  try {
    for (;;) {
      try {
        const wanted = {
          since: `${since}`,
          follow: follow ? "1" : "0",
          vm,
          types: types?.join(","),
        } as const;
        const call = { query: wanted, accept: "application/x-ndjson", signal: either, timeoutMs: 0 };
        for await (const event of linesOf(textOf(transport, "GET /api/events", call))) {
          reconnecting.progressed();
          since = event.seq;
          yield event;
        }
        if (!follow) return;
        throw new ChannelClosed(1006, "the answer ended");
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

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<BandSoxEvent, void, undefined> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield fromWire<BandSoxEvent>(JSON.parse(line));
  }
}
