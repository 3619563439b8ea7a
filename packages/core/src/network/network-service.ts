import type { NetworkSpec } from "@bandsox/contract";
import type { NetworkService } from "../engine/engine.ts";
import { INSIDE, UPLINK } from "./address-plan.ts";
import { egressRules, NOT_PUBLIC, presetOf } from "./egress-rules.ts";
import { LOG_GROUP, SLOT_TABLE } from "./slot-rules.ts";
import type { Slot } from "./slots.ts";

/** Where the supervisor reads the names of other VMs, in its VM's directory. */
export const HOSTS_FILE = "network-hosts.json";

/** What a VM's supervisor is told of its network; `agent/internal/slotnet` is the other side. */
export function networkService(
  slot: Pick<Slot, "netns" | "address" | "hasIpv6">,
  network: NetworkSpec,
): NetworkService {
  return {
    netns: slot.netns,
    listen: [`${INSIDE.v4.gateway}:53`, `[${INSIDE.v6.gateway}]:53`],
    table: SLOT_TABLE,
    logGroup: LOG_GROUP,
    log: "network.log",
    names: namePolicy(network, slot.hasIpv6),
    ...(network.networks.length === 0 ? {} : { hosts: HOSTS_FILE }),
    ports: portsTo(slot.address, network),
    limits: limits(network),
  };
}

/** What is served to a guest in user mode: its published ports, through its agent; nothing, where it has none. */
export function userService(network: NetworkSpec): NetworkService | undefined {
  return network.ports.length === 0 ? undefined : { ports: portsTo("127.0.0.1", network) };
}

function portsTo(guestAddress: string, { ports }: Pick<NetworkSpec, "ports">) {
  return ports.map(({ guest, host, address }) => ({
    listen: address.includes(":") ? `[${address}]:${host}` : `${address}:${host}`,
    guest: `${guestAddress}:${guest}`,
  }));
}

/** What the guest receives leaves by its TAP device, what it sends by the uplink; in bits a second. */
function limits({ bandwidth: { downMbit, upMbit } }: NetworkSpec): Record<string, number> {
  const bits = (mbit: number) => Math.round(mbit * 1_000_000);
  return {
    ...(downMbit === undefined ? {} : { [INSIDE.tap]: bits(downMbit) }),
    ...(upMbit === undefined ? {} : { [UPLINK]: bits(upMbit) }),
  };
}

/** Which names are answered, and which addresses may be among the answers. */
export function namePolicy({ egress }: Pick<NetworkSpec, "egress">, hasIpv6: boolean) {
  const rules = egressRules(egress);
  const isOpen = presetOf(egress) === "open";
  return {
    rules: rules.flatMap(({ domain, verdict, label }, index) =>
      domain ? [{ ...domain, verdict, label, set: `names${index}_` }] : [],
    ),
    preset: presetOf(egress),
    hasIpv6,
    // Addresses that a name may not lead to, and those among them that a rule allows.
    refused: isOpen ? [] : Object.values(NOT_PUBLIC).flatMap(({ v4, v6 }) => [...v4, ...v6]),
    allowed: rules.flatMap(({ verdict, addresses }) =>
      verdict === "allow" && typeof addresses === "object" ? [...addresses.v4, ...addresses.v6] : [],
    ),
  };
}
