import type { BandSoxEvent } from "@bandsox/contract";

const SHOWN_MAX = 500;

/** Two lists of events as one, each event once, the newest first. */
export function mergeEvents(a: readonly BandSoxEvent[], b: readonly BandSoxEvent[]): BandSoxEvent[] {
  const bySeq = new Map([...a, ...b].map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((one, other) => other.seq - one.seq).slice(0, SHOWN_MAX);
}

/** What is told of an event, as a line. */
export function detailsText(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" · ");
}
