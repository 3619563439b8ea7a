import type { MediaType } from "@bandsox/contract/api";

/** How one event is written in a stream of a media type: a line of JSON, or a server-sent event. */
export function eventLine(type: MediaType): (event: object) => string {
  if (type === "text/event-stream") return (event) => `data: ${JSON.stringify(event)}\n\n`;
  return (event) => `${JSON.stringify(event)}\n`;
}
