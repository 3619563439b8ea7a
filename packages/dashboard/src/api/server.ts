import { Transport } from "@bandsox/client";

/** The server this page came from. Who calls is told by the session's cookie, which no script can read. */
export const server = new Transport(location.origin);

/** The address of a WebSocket of the server. */
export function socketUrl(path: string, query: Record<string, string | number | undefined> = {}): string {
  const url = new URL(path, location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}
