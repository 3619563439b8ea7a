import { accessSync, constants, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";

const NSFS_MAGIC = 0x6e_73_66_73;
const WORD_BITS = 32;

/** This machine's network, as far as slots have to fit into it. */
export interface HostNetwork {
  /** IPv4 routes in CIDR notation, without default routes and those to slots */
  readonly routes: readonly string[];
  /** Devices that default routes lead to */
  readonly uplinks: readonly string[];
  readonly hasIpv6: boolean;
  readonly forwarding: { readonly v4: boolean; readonly v6: boolean };
}

/** Looks at this process's network namespace. */
export function lookAtHost(): HostNetwork {
  const routes = parseRoutes(read("/proc/net/route"));
  const isDefault = ({ cidr }: Route) => cidr === "0.0.0.0/0";
  const ownLink = ({ device }: Route) => /^bsx\d+$/.test(device);
  return {
    routes: routes.filter((route) => !isDefault(route) && !ownLink(route)).map(({ cidr }) => cidr),
    uplinks: [...new Set(routes.filter(isDefault).map(({ device }) => device))],
    hasIpv6: parseIpv6Default(read("/proc/net/ipv6_route")),
    forwarding: { v4: readSwitch(FORWARDING.v4), v6: readSwitch(FORWARDING.v6) },
  };
}

/** Addresses of this machine but loopback ones. */
export function hostAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([device]) => !/^bsx\d+$/.test(device))
    .flatMap(([, all]) => all ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address)
    .sort();
}

const FORWARDING = {
  v4: "/proc/sys/net/ipv4/ip_forward",
  v6: "/proc/sys/net/ipv6/conf/all/forwarding",
} as const;

/** Turns the forwarding of one IP version on or off. */
export function setForwarding(family: keyof typeof FORWARDING, on: boolean): void {
  writeFileSync(FORWARDING[family], on ? "1" : "0");
}

/** Whether this process may let its machine forward. */
export function mayForward(): boolean {
  if (readSwitch(FORWARDING.v4)) return true;
  try {
    accessSync(FORWARDING.v4, constants.W_OK);
    return true;
  } catch {
    return false; // as in most containers
  }
}

/** Whether a path names a network namespace, and not only a file that did before the host restarted. */
export function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch {
    return false; // there is nothing
  }
}

interface Route {
  readonly device: string;
  readonly cidr: string;
}

/** The kernel's table of IPv4 routes: one a line, addresses in hexadecimal as this machine stores them. */
export function parseRoutes(table: string): Route[] {
  const rows = table
    .split("\n")
    .slice(1)
    .filter((line) => line.trim() !== "");
  return rows.map((line) => {
    const [device = "", destination = "", , , , , , mask = ""] = line.split("\t");
    const bits = ones(Number.parseInt(mask, 16));
    return { device, cidr: `${littleEndianAddress(destination)}/${bits}` };
  });
}

/** Whether the kernel's table of IPv6 routes has a default route by a device other than loopback. */
export function parseIpv6Default(table: string): boolean {
  return table.split("\n").some((line) => {
    const [destination, bits, , , , , , , , device] = line.trim().split(/\s+/);
    return /^0+$/.test(destination ?? "") && bits === "00" && device !== "lo";
  });
}

function littleEndianAddress(hex: string): string {
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join(".");
}

function ones(mask: number): number {
  return [...(mask >>> 0).toString(2).padStart(WORD_BITS, "0")].filter((bit) => bit === "1").length;
}

function readSwitch(path: string): boolean {
  return read(path).trim() !== "0";
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a kernel without that protocol
  }
}
