import { type GuestEndpoint, Operations, type VmGuest, vmGuest } from "@bandsox/core/ports";

/** A guest without a VM around it. */
export function guestAt(endpoint: GuestEndpoint): VmGuest {
  return vmGuest(new Operations("/nowhere"), { endpoint: async () => endpoint });
}
