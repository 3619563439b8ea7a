import { z } from "zod";

/** What a rule about the network speaks of, taken apart. */
export interface EgressTarget {
  /** Addresses in CIDR notation, or any of the names; `undefined` is everywhere */
  readonly cidr?: string | undefined;
  /** A domain in lower case; with `subdomains`, also what is below it */
  readonly domain?: string | undefined;
  readonly subdomains: boolean;
  readonly protocol?: "tcp" | "udp" | undefined;
  /** First and last port */
  readonly ports?: readonly [number, number] | undefined;
}

/** The longest a rule may be: its text is what the log of decisions names, and the kernel's log takes 127 bytes with the verdict */
const RULE_MAX_CHARACTERS = 110;
const PORT_MAX = 65_535;
const RULE =
  /^(?:(tcp|udp):\/\/)?(\[[0-9a-f:.]+\](?:\/\d{1,3})?|[^:[\]/]+(?:\/\d{1,2})?)(?::(\d{1,5})(?:-(\d{1,5}))?)?$/;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const OCTET = /^(?:0|[1-9]\d{0,2})$/;

/**
 * Takes a rule apart: `[tcp://|udp://]where[:port[-port]]`, where `where` is an address, a network (`10.0.0.0/8`,
 * `[fd00::]/8`), a domain (`example.com`), a domain and all below it (`*.example.com`), or `*`.
 *
 * @returns `undefined` when it is none
 */
export function parseEgressRule(text: string): EgressTarget | undefined {
  const match = RULE.exec(text.toLowerCase());
  if (!match || text.length > RULE_MAX_CHARACTERS) return undefined;
  const [, protocol, where = "", first, last] = match;
  const ports = parsePorts(first, last);
  const place = parsePlace(where);
  if (ports === null || !place) return undefined;
  return { ...place, ports, protocol: protocol as EgressTarget["protocol"] };
}

function parsePorts(first: string | undefined, last: string | undefined): EgressTarget["ports"] | null {
  if (first === undefined) return undefined;
  const [from, to] = [Number(first), Number(last ?? first)];
  return from >= 1 && to <= PORT_MAX && from <= to ? [from, to] : null;
}

function parsePlace(where: string): Pick<EgressTarget, "cidr" | "domain" | "subdomains"> | undefined {
  if (where === "*") return { subdomains: false };
  if (where.startsWith("[")) return ipv6Place(where);
  const [host = "", bits] = where.split("/");
  if (/^[\d.]+$/.test(host)) {
    const isAddress =
      host.split(".").length === 4 && host.split(".").every((part) => OCTET.test(part) && Number(part) < 256);
    if (!isAddress || Number(bits ?? 0) > 32) return undefined;
    return { cidr: `${host}/${bits ?? 32}`, subdomains: false };
  }
  const subdomains = host.startsWith("*.");
  const domain = subdomains ? host.slice(2) : host;
  const labels = domain.split(".");
  if (bits !== undefined || labels.length < 2 || !labels.every((label) => LABEL.test(label)))
    return undefined;
  return { domain, subdomains };
}

function ipv6Place(where: string): { cidr: string; subdomains: false } | undefined {
  const [host = "", bits = "128"] = where
    .replace("[", "")
    .split(/\]\/?/)
    .filter((part) => part !== "");
  if (!z.ipv6().safeParse(host).success || Number(bits) > 128) return undefined;
  return { cidr: `${host}/${bits}`, subdomains: false };
}
