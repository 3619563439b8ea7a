import { BandSoxError, NetworkSpec } from "@bandsox/contract";
import type { Networks } from "@bandsox/core/ports";

/** Networks without a network: what is connected is only written down. */
export interface FakeNetworks extends Networks {
  readonly attached: Set<string>;
}

export function fakeNetworks(): FakeNetworks {
  const attached = new Set<string>();
  return {
    attached,
    async settle(asked, backends) {
      if (asked === undefined || asked === false) return false;
      const reason = "the engine has no TAP devices";
      if (!backends.includes("tap")) throw new BandSoxError("networking_unavailable", reason, { reason });
      return asked === true ? NetworkSpec.parse({}) : asked;
    },
    async attach({ id }) {
      attached.add(id);
      return {
        nic: { mac: "06:00:c6:12:00:02", backend: { kind: "tap", tap: "tap0", netns: `/nowhere/${id}` } },
        guest: {
          ...{ mac: "06:00:c6:12:00:02", mtu: 1500, nameservers: [] },
          ipv4: { address: "198.18.0.2/24", gateway: "198.18.0.1" },
        },
      };
    },
    change: async () => undefined,
    detach: async (id) => void attached.delete(id),
    describe: (_id, { mode, egress, ports, networks }, listening) => ({
      mode,
      egress,
      ports: [...(listening ?? ports)],
      networks,
      guestAddress: "198.18.0.2",
    }),
    reconcile: async () => {},
  };
}
