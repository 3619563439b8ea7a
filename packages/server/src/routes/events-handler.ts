import { EventType, parseInput } from "@bandsox/contract";
import { toWire } from "@bandsox/contract/api";
import type { BandSox } from "bandsox";
import { z } from "zod";
import { eventLine } from "../event-lines.ts";
import { type Handler, Streamed } from "../route.ts";
import { given } from "./given.ts";

const LISTED_MAX = 1000;

/** What happens in the storage: as JSON what there is, at most the first 1000; streamed, what comes, too. */
export function eventsHandler(bandsox: BandSox): Handler<"GET /api/events"> {
  return async ({ query, wanted, signal }) => {
    const { since, vm, follow = wanted !== undefined } = query;
    const types = parseInput(z.array(EventType).optional(), query.types?.split(","), "types");
    const asked = { ...given({ since, vm, types }), signal };
    if (wanted === undefined) {
      const listed = [];
      for await (const event of bandsox.events({ ...asked, follow: false })) {
        listed.push(toWire(event));
        if (listed.length === LISTED_MAX) break;
      }
      return listed as never;
    }
    const line = eventLine(wanted);
    async function* lines() {
      try {
        for await (const event of bandsox.events({ ...asked, follow })) yield line(toWire(event));
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
    return Streamed.live(wanted, lines());
  };
}
