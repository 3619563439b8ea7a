import { isIP } from "node:net";
import { parsePortPair } from "./values.ts";

/**
 * `[[address:]host:]guest`; an IPv6 address stands in brackets. Without `host` any free port is meant, without
 * `address` this machine's own loopback.
 *
 * @throws {RangeError}
 */
export function parsePublished(text: string): { guest: number; host: number; address?: string } {
  const match = /^(?:(\[[0-9a-f:.]+\]|[0-9.]+):(?=\d+:))?([0-9:]+)$/i.exec(text);
  const address = match?.[1]?.replace(/^\[|\]$/g, "");
  if (!match || (address !== undefined && isIP(address) === 0)) {
    throw new RangeError("it is not of the form [[address:]host:]guest");
  }
  return { ...parsePortPair(match[2] ?? ""), ...(address === undefined ? {} : { address }) };
}
