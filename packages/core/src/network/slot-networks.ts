import { setTimeout } from "node:timers/promises";
import {
  BandSoxError,
  type Egress,
  type NetworkInfo,
  NetworkSpec,
  type PublishedPort,
  type VmId,
} from "@bandsox/contract";
import type { Operations } from "../base/operations.ts";
import { INSIDE } from "./address-plan.ts";
import { type CniNetworksOfHost, isCni } from "./cni-networks.ts";
import { egressRules, presetOf } from "./egress-rules.ts";
import { guestNetwork } from "./guest-network.ts";
import { assertNotMapped } from "./mapped-ports.ts";
import { whyNot } from "./may-connect.ts";
import { namePolicy, networkService, userService } from "./network-service.ts";
import type { NetworkAttachment, Networks } from "./networks.ts";
import { nicOf } from "./nic.ts";
import type { PrivateNetworks } from "./private-networks.ts";
import type { Slots, SlotWants } from "./slots.ts";

export interface SlotNetworksPorts {
  readonly slots: Slots;
  readonly cni: CniNetworksOfHost;
  readonly operations: Operations;
  readonly privateNetworks: PrivateNetworks;
  /** Whether VMs for which nothing is said get a network */
  readonly byDefault: boolean;
  warn(message: string): void;
}

/** Slots for the next VMs are made once this one has had the processor to itself for a while, in ms. */
const REFILL_AFTER_MS = 1_000;

/** Networks by slots of this host, by CNI networks, and in user mode. */
export function slotNetworks({
  slots,
  cni,
  operations,
  privateNetworks,
  byDefault,
  warn,
}: SlotNetworksPorts): Networks {
  const refillLater = later(operations, (signal) => slots.refill(signal), warn);
  const offered = defaultNetwork(slots, warn);
  return {
    async settle(asked, backends) {
      if (asked === false || (asked === undefined && !byDefault)) return false;
      if (asked === undefined) return offered(backends);
      const network = asked === true ? NetworkSpec.parse({}) : asked;
      const why = whyNot(network, backends);
      if (why === undefined) {
        if (isCni(network)) cni.require(network);
        return network;
      }
      const message = `cannot create a VM with networking: ${why}`;
      throw new BandSoxError("networking_unavailable", message, { reason: why });
    },
    async attach({ id }, network, signal) {
      if (!isCni(network)) assertNotMapped(network.ports, cni.mapped());
      if (network.mode === "user")
        return { nic: nicOf({ kind: "user" }), guest: guestNetwork("user"), service: userService(network) };
      if (isCni(network)) {
        try {
          return await cni.attach(id, network, signal);
        } catch (error) {
          // The last slot may have gone meanwhile, and have left the host to this VM; if not now, the next reconcile does it.
          await slots.drain().catch((failure: unknown) => warn(`the host is not as it was: ${failure}`));
          throw error;
        }
      }
      const slot = await slots.acquire(id, wantsOf(network), signal);
      refillLater();
      if (network.networks.length > 0) await privateNetworks.settle();
      return {
        nic: nicOf({ kind: "tap", tap: INSIDE.tap, netns: slot.netns }),
        guest: guestNetwork("tap"),
        service: networkService(slot, network),
      } satisfies NetworkAttachment;
    },
    async detach(id) {
      if (await cni.detach(id)) await slots.drain();
      await slots.release(id);
      await privateNetworks.settle();
    },
    async change(id, network) {
      if (isCni(network)) return cni.change(id, network);
      const slot = slots.find(id);
      if (!slot) return undefined;
      const wants = wantsOf(network, privateNetworks.peersOf(id));
      await slots.trust(slot, wants);
      return {
        rules: slots.rules(slot, wants),
        names: namePolicy(network, slot.hasIpv6),
        forget: INSIDE_ADDRESSES,
      };
    },
    describe: (id, network, listening) => ({
      ...describe(slots, id, network, listening),
      ...(isCni(network) ? cni.describe(id, network, listening) : {}),
    }),
    async reconcile(isWanted) {
      await cni.reconcile(isWanted);
      await slots.reconcile(isWanted);
      await privateNetworks.settle();
    },
  };
}

/** What a VM gets for which nothing is said: a network if this machine proves able to; why not is told once. */
function defaultNetwork(slots: Slots, warn: (message: string) => void) {
  const network = NetworkSpec.parse({});
  let proof: Promise<string | undefined> | undefined;
  let isTold = false;
  const prove = async () => {
    if (slots.areProven) return undefined;
    return await slots.probe().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  };
  return async (backends: readonly string[]): Promise<NetworkSpec | false> => {
    proof ??= whyNot(network, backends) === undefined ? prove() : undefined;
    const why = whyNot(network, backends) ?? (await proof);
    if (why === undefined) return network;
    if (!isTold) warn(`VMs have no network: ${why}. BANDSOX_NETWORKING=off says that they need none`);
    isTold = true;
    return false;
  };
}

/** Has work done in a while, once for all who ask until then; closing the storage calls it off. */
function later(
  operations: Operations,
  work: (signal: AbortSignal) => Promise<void>,
  warn: (message: string) => void,
): () => void {
  let isPlanned = false;
  const run = async (signal: AbortSignal) => {
    await setTimeout(REFILL_AFTER_MS, undefined, { ref: false, signal }).catch(() => {});
    isPlanned = false;
    if (!signal.aborted) await work(signal);
  };
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    operations.run(undefined, run).catch((error: unknown) => {
      isPlanned = false;
      warn(`no network was made ready for the next VM: ${error instanceof Error ? error.message : error}`);
    });
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

function describe(
  slots: Slots,
  id: VmId,
  { egress, ports, networks, mode }: NetworkSpec,
  listening: readonly PublishedPort[] | undefined,
): NetworkInfo {
  const slot = mode === "slot" ? slots.find(id) : undefined;
  return {
    ...{ mode, egress, networks, guestAddress: INSIDE.v4.guest, ports: [...(listening ?? ports)] },
    ...(slot ? { address: slot.address } : {}),
    ...(slot?.hasIpv6 ? { address6: slot.address6 } : {}),
  };
}
