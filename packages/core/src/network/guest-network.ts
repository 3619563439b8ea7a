import type { NicBackend } from "../engine/engine.ts";
import type { GuestNetwork } from "../guest/guest-client.ts";
import { INSIDE } from "./address-plan.ts";

/** What a guest is told of its place; the same for each with the same kind of device, so that a clone finds what it knows. */
export function guestNetwork(kind: NicBackend["kind"]): GuestNetwork {
  const { guestMac, gatewayMac, mtu, v4, v6 } = INSIDE;
  const common = { mac: guestMac, mtu, ipv4: { address: `${v4.guest}/${v4.bits}`, gateway: v4.gateway } };
  // The VMM's own gateway has a link address of its own, and no IPv6.
  if (kind === "user") return { ...common, nameservers: [v4.userDns] };
  const ipv6 = { address: `${v6.guest}/${v6.bits}`, gateway: v6.gateway };
  return { ...common, gatewayMac, ipv6, nameservers: [v4.gateway] };
}
