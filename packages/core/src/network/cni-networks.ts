import type { NetworkInfo, NetworkSpec, PublishedPort, VmId } from "@bandsox/contract";
import { BandSoxError } from "@bandsox/contract";
import { INSIDE } from "./address-plan.ts";
import type { CniAttachments } from "./cni-attachments.ts";
import { type CniPlaces, requireCniNetwork } from "./cni-places.ts";
import { guestNetwork } from "./guest-network.ts";
import { whyNot } from "./may-connect.ts";
import { namePolicy, networkService } from "./network-service.ts";
import type { NetworkAttachment, PolicyChange } from "./networks.ts";
import { nicOf } from "./nic.ts";

/** A VM's network that is a CNI network. */
export type CniSpec = NetworkSpec & { readonly cni: string };

export function isCni(network: NetworkSpec): network is CniSpec {
  return network.cni !== undefined;
}

export interface CniNetworksPorts {
  readonly attachments: CniAttachments;
  readonly places: CniPlaces;
}

/** Networks of this machine's administrator. */
export function cniNetworks({ attachments, places }: CniNetworksPorts) {
  return {
    /** The network a VM asks for. @throws {BandSoxError} `network_not_found`, `networking_unavailable` */
    require: (network: CniSpec) => requireCniNetwork(network.cni, places),
    async attach(id: VmId, spec: CniSpec, signal?: AbortSignal): Promise<NetworkAttachment> {
      const why = whyNot(spec, ["tap"]);
      if (why !== undefined) throw unavailable(why);
      const slot = await attachments.attach(id, {
        network: requireCniNetwork(spec.cni, places),
        spec,
        signal,
      });
      const ports = spec.ports.filter((port) => !isIn(slot.mapped, port));
      return {
        nic: nicOf({ kind: "tap", tap: INSIDE.tap, netns: slot.netns }),
        guest: guestNetwork("tap"),
        service: networkService(slot, { ...spec, ports }),
      };
    },
    detach: (id: VmId) => attachments.detachOrWarn(id),
    /** Ports that chains publish, for whoever would listen there. */
    mapped: () => attachments.mapped,
    change(id: VmId, network: NetworkSpec): PolicyChange | undefined {
      const slot = attachments.find(id);
      if (!slot) return undefined;
      return {
        rules: attachments.rules(slot, network.egress),
        names: namePolicy(network, slot.hasIpv6),
        forget: [INSIDE.v4.guest, INSIDE.v6.guest],
      };
    },
    /** How a VM is reached; `listening` is where its supervisor does. */
    describe(
      id: VmId,
      network: CniSpec,
      listening: readonly PublishedPort[] | undefined,
    ): Partial<NetworkInfo> {
      const slot = attachments.find(id);
      const mapped = slot?.mapped ?? [];
      const others = listening ?? network.ports.filter((port) => !isIn(mapped, port));
      return {
        ...{ mode: "cni", ports: [...mapped, ...others] },
        ...(slot ? { address: slot.address } : {}),
        ...(slot?.address6 === undefined ? {} : { address6: slot.address6 }),
      };
    },
    reconcile: (isWanted: (id: VmId) => boolean) => attachments.reconcile(isWanted),
  };
}
export type CniNetworksOfHost = ReturnType<typeof cniNetworks>;

function isIn(ports: readonly PublishedPort[], { guest, host, address }: PublishedPort): boolean {
  return ports.some((one) => one.guest === guest && one.host === host && one.address === address);
}

function unavailable(reason: string): BandSoxError {
  const message = `cannot attach a VM to a CNI network: ${reason}`;
  return new BandSoxError("networking_unavailable", message, { reason });
}
