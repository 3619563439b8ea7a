import { isBandSoxError } from "@bandsox/contract";
import { GuestClient } from "./guest-client.ts";
import type { GuestEndpoint } from "./guest-connections.ts";
import type { PingLines } from "./ping-lines.ts";

/**
 * @returns the time of one round trip to the agent in ms; of a whole call to an agent of before there were pings
 * @throws {BandSoxError} `guest_unreachable`, `guest_protocol`, `interrupted`
 */
export async function pingGuest(
  lines: PingLines,
  endpoint: GuestEndpoint,
  signal?: AbortSignal,
): Promise<number> {
  try {
    return await lines.ping(endpoint, signal);
  } catch (error) {
    if (!isBandSoxError(error, "guest_outdated")) throw error;
    await using client = new GuestClient(endpoint);
    const begun = performance.now();
    await client.hello(signal);
    return performance.now() - begun;
  }
}
