import { accessSync, constants, readFileSync } from "node:fs";
import type { NetworkSpec } from "@bandsox/contract";
import { findTool } from "../host/find-tool.ts";
import { mayForward } from "./host-network.ts";

/** Capabilities by their number: to change networks, and to make namespaces. */
const NEEDED = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/** Why a VM cannot have a network, as far as can be told by looking; `undefined`: nothing is against it. */
export function whyNot(network: NetworkSpec, backends: readonly string[]): string | undefined {
  const { mode, networks, cni } = network;
  if (cni !== undefined && mode === "user") return "a CNI network is not for user mode";
  if (cni !== undefined && networks.length > 0)
    return "private networks are BandSox's own, and not for VMs of a CNI network";
  const kind = mode === "user" ? "user" : "tap";
  if (!backends.includes(kind)) return `the engine has no ${kind === "user" ? "user mode" : "TAP devices"}`;
  if (kind === "tap") return cni === undefined ? whyNoSlots() : whyNoNamespaces();
  return whyNotInUserMode(network);
}

/** What user mode cannot give a VM. */
export function whyNotInUserMode({ egress, networks, bandwidth }: NetworkSpec): string | undefined {
  const more = egress !== "public" || networks.length > 0 || Object.keys(bandwidth).length > 0;
  return more ? "user mode has no policies, limits or private networks" : undefined;
}

/** Why this process can make no slots, as far as can be told by looking. */
export function whyNoSlots(): string | undefined {
  const why = whyNoNamespaces();
  if (why === undefined && !mayForward())
    return "forwarding is off (net.ipv4.ip_forward) and cannot be turned on here";
  return why;
}

/** Why this process can make no namespaces with a guest's device in them; what leads out of them is another matter. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root; without, `mode: "user"` connects guests as this user';
  if (!findTool("nft")) return "nft is not installed (package nftables)";
  const missing = missingCapabilities(readFileSync("/proc/self/status", "utf8"));
  if (missing.length > 0) return `root lacks ${missing.join(" and ")} here, as in a container`;
  return tunError();
}

/** Those of the needed capabilities that are not effective, by the text of `/proc/<pid>/status`. */
export function missingCapabilities(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return Object.entries(NEEDED).flatMap(([name, bit]) => ((effective >> bit) & 1n ? [] : [name]));
}

function tunError(): string | undefined {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `/dev/net/tun cannot be opened: ${(error as NodeJS.ErrnoException).code}`;
  }
}
