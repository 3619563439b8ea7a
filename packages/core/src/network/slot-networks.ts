import { accessSync, constants } from "node:fs";
import { BandSoxError, type Egress, type NetworkInfo, NetworkSpec, type VmId } from "@bandsox/contract";
import type { Operations } from "../base/operations.ts";
import { findTool } from "../host/find-tool.ts";
import { INSIDE } from "./address-plan.ts";
import { egressRules, presetOf } from "./egress-rules.ts";
import { guestNetwork } from "./guest-network.ts";
import { namePolicy, networkService } from "./network-service.ts";
import type { NetworkAttachment, Networks } from "./networks.ts";
import { nicOf } from "./nic.ts";
import type { Slots, SlotWants } from "./slots.ts";

export interface SlotNetworksPorts {
  readonly slots: Slots;
  readonly operations: Operations;
  /** Whether VMs for which nothing is said get a network */
  readonly byDefault: boolean;
  warn(message: string): void;
}

/** Networks by slots of this host, and in user mode. */
export function slotNetworks({ slots, operations, byDefault, warn }: SlotNetworksPorts): Networks {
  return {
    settle(asked, backends) {
      if (asked === false || (asked === undefined && !byDefault)) return false;
      const network = typeof asked === "object" ? asked : NetworkSpec.parse({});
      const why = whyNot(network, backends);
      if (why === undefined) return network;
      if (asked === undefined) {
        warn(`VMs have no network: ${why}`);
        return false;
      }
      const message = `cannot create a VM with networking: ${why}`;
      throw new BandSoxError("networking_unavailable", message, { reason: why });
    },
    async attach({ id }, network, signal) {
      if (network.mode === "user") return { nic: nicOf({ kind: "user" }), guest: guestNetwork("user") };
      const slot = await slots.acquire(id, wantsOf(network), signal);
      void operations
        .run(undefined, (linked) => slots.refill(linked))
        .catch((error: unknown) => {
          warn(
            `no network was made ready for the next VM: ${error instanceof Error ? error.message : error}`,
          );
        });
      return {
        nic: nicOf({ kind: "tap", tap: INSIDE.tap, netns: slot.netns }),
        guest: guestNetwork("tap"),
        service: networkService(slot, network),
      } satisfies NetworkAttachment;
    },
    detach: (id) => slots.release(id),
    async change(id, network) {
      const slot = slots.find(id);
      if (!slot) return undefined;
      const wants = wantsOf(network);
      await slots.trust(slot, wants);
      return {
        rules: slots.rules(slot, wants),
        names: namePolicy(network, slot.hasIpv6),
        forget: INSIDE_ADDRESSES,
      };
    },
    describe: (id, network) => describe(slots, id, network),
    reconcile: (isWanted) => slots.reconcile(isWanted),
  };
}

const INSIDE_ADDRESSES = [INSIDE.v4.guest, INSIDE.v6.guest] as const;

/** What a VM's policy means for its slot. */
export function wantsOf({ egress }: Pick<NetworkSpec, "egress">, peers: readonly string[] = []): SlotWants {
  return { egress, peers, trusted: reachesHost(egress) };
}

/** Whether a policy may allow this machine's own addresses: then its rules alone decide about them. */
function reachesHost(egress: Egress): boolean {
  if (presetOf(egress) === "open") return true;
  return egressRules(egress).some(
    ({ verdict, label, domain }) => verdict === "allow" && !domain && label !== "public",
  );
}

function whyNot(network: NetworkSpec, backends: readonly string[]): string | undefined {
  const { mode, bandwidth, egress, networks, cni, ports } = network;
  if (networks.length > 0) return "private networks are not in this version";
  if (cni !== undefined) return "CNI networks are not in this version";
  const kind = mode === "user" ? "user" : "tap";
  if (!backends.includes(kind)) return `the engine has no ${kind === "user" ? "user mode" : "TAP devices"}`;
  if (kind === "user") {
    const more = egress !== "public" || ports.length > 0 || Object.keys(bandwidth).length > 0;
    return more ? "user mode has no policies, limits or published ports" : undefined;
  }
  if (process.getuid?.() !== 0) return 'it needs root; without, `mode: "user"` connects guests as this user';
  if (!findTool("nft")) return "nft is not installed (package nftables)";
  return tunError();
}

function tunError(): string | undefined {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `/dev/net/tun cannot be opened: ${(error as NodeJS.ErrnoException).code}`;
  }
}

function describe(slots: Slots, id: VmId, network: NetworkSpec): NetworkInfo {
  const { egress, ports, networks, mode, cni } = network;
  const slot = mode === "slot" ? slots.find(id) : undefined;
  return {
    ...{ mode: cni === undefined ? mode : "cni", egress, ports, networks, guestAddress: INSIDE.v4.guest },
    ...(slot ? { address: slot.address } : {}),
    ...(slot?.hasIpv6 ? { address6: slot.address6 } : {}),
  };
}
