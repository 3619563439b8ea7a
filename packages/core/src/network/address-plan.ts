/** The network as every guest sees it: the same in all, so that a machine that goes on elsewhere finds what it knows. */
export const INSIDE = {
  guestMac: "06:00:c6:12:00:02",
  gatewayMac: "06:00:c6:12:00:01",
  mtu: 1500,
  tap: "tap0",
  /** `userDns` is where names are asked for in user mode; elsewhere it is the gateway */
  v4: { net: "198.18.0.0/24", guest: "198.18.0.2", gateway: "198.18.0.1", userDns: "198.18.0.3", bits: 24 },
  v6: { guest: "fd42:6264:7378:1::2", gateway: "fd42:6264:7378:1::1", bits: 64 },
} as const;

/** The device that leads out of a slot's namespace, unless a CNI plugin makes it. */
export const UPLINK = "out0";
/** Where outside addresses are looked for, the best first: nobody's network, then what few use. */
export const RANGES = ["198.19.0.0/16", "10.213.0.0/16", "172.29.0.0/16", "10.91.0.0/16"] as const;
/** Outside addresses of IPv6, for as many slots as IPv4 has. */
export const RANGE6 = "fd42:6264:7378:2::/112";

const OCTETS = [24, 16, 8, 0] as const;

/** Addresses of one slot outside; the host's end and the guest's form a network of two. */
export interface OutsideAddresses {
  readonly host: string;
  readonly address: string;
  readonly host6: string;
  readonly address6: string;
}

/** The name of a slot's link on the host, by which any storage on this host sees that an index is taken. */
export function linkName(index: number): string {
  return `bsx${index}`;
}

/** How many slots a range has; the first pair of addresses is left out. */
export function slotCount(range: string): number {
  const { bits } = parseRange(range);
  return 2 ** (32 - bits - 1) - 1;
}

/** The addresses of slot `index`, counted from 1. */
export function outsideAddresses(range: string, index: number): OutsideAddresses {
  if (index < 1 || index > slotCount(range)) throw new RangeError(`there is no slot ${index} in ${range}`);
  const { start } = parseRange(range);
  const pair = (offset: number) => toIpv4(start + index * 2 + offset);
  const pair6 = (offset: number) => `${RANGE6.replace(/:\/\d+$/, "")}:${(index * 2 + offset).toString(16)}`;
  return { host: pair(0), address: pair(1), host6: pair6(0), address6: pair6(1) };
}

/** The first of `ranges` that overlaps none of the host's routes (CIDR notation, the default route left out). */
export function chooseRange(ranges: readonly string[], routes: readonly string[]): string | undefined {
  return ranges.find((range) => !routes.some((route) => overlap(range, route)));
}

/** Whether two IPv4 networks have an address in common. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [parseRange(one), parseRange(other)];
  const bits = Math.min(a.bits, b.bits);
  const size = 2 ** (32 - bits);
  return Math.floor(a.start / size) === Math.floor(b.start / size);
}

/** An IPv4 network in CIDR notation: its first address as a number, and its length. */
export function parseRange(range: string): { readonly start: number; readonly bits: number } {
  const [address = "", bits = "32"] = range.split("/");
  const octets = address.split(".").map(Number);
  const start = octets.reduce((sum, octet, at) => sum + octet * 2 ** (OCTETS[at] ?? 0), 0);
  const size = 2 ** (32 - Number(bits));
  return { start: Math.floor(start / size) * size, bits: Number(bits) };
}

function toIpv4(value: number): string {
  return OCTETS.map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
