import { INSIDE, type OutsideAddresses } from "./address-plan.ts";
import { askHelper, helpFailed, mustHelp } from "./network-helper.ts";
import type { nftTransaction } from "./nft.ts";

type NftTransaction = ReturnType<typeof nftTransaction>;

/** One slot's devices and addresses. */
export interface SlotPlan {
  readonly netns: string;
  /** Name of the link's end on the host */
  readonly link: string;
  readonly uplink: string;
  /** Absent: nothing leads out, and there is no link; a CNI plugin is to make the way out */
  readonly outside?: OutsideAddresses | undefined;
  readonly hasIpv6: boolean;
  readonly rules?: NftTransaction | undefined;
  readonly hostRules?: NftTransaction | undefined;
}

/** What network slots are made of, done by `bandsox-network`; all but `make` may be repeated. */
export interface SlotHelper {
  /** @returns whether it was made; it is not when its names are another's */
  make(plan: SlotPlan): Promise<boolean>;
  /** Makes a slot that leads nowhere, and removes it */
  probe(plan: SlotPlan): Promise<void>;
  /** Changes rules in a namespace, or on the host; connections the guest has opened are judged anew with `forget` */
  apply(change: { netns?: string; rules: NftTransaction; forget?: readonly string[] }): Promise<void>;
  /** Makes a slot as it was when it was new */
  reset(slot: { netns: string; rules: NftTransaction; devices: readonly string[] }): Promise<void>;
  remove(slot: { netns: string; link?: string; hostRules?: NftTransaction }): Promise<void>;
}

/** The helper at a path. Every call throws {BandSoxError} `network_failed` with its words. */
export function slotHelper(path: string): SlotHelper {
  const act = async (request: object, what: string): Promise<void> => {
    await mustHelp(askHelper(path, request), what);
  };
  return {
    async make(plan) {
      const { error, taken } = await askHelper(path, { action: "make", slot: slotToWire(plan) });
      if (error !== "" && !taken) throw helpFailed(`make the slot ${plan.link}`, error);
      return !taken;
    },
    probe: (plan) => act({ action: "probe", slot: slotToWire(plan) }, "make a slot"),
    apply: (change) => act({ action: "apply", ...change }, "change network rules"),
    reset: (slot) => act({ action: "reset", ...slot }, `reset ${slot.netns}`),
    remove: (slot) => act({ action: "remove", ...slot }, `remove ${slot.netns}`),
  };
}

const PAIR = { v4: 31, v6: 127 } as const;

/** A plan as the helper reads it. */
export function slotToWire({ netns, link, uplink, outside, hasIpv6, rules, hostRules }: SlotPlan) {
  const { v4, v6, tap, mtu, gatewayMac, guestMac } = INSIDE;
  const addresses = (host: string | undefined, address: string | undefined, bits: number) =>
    host === undefined ? {} : { host: `${host}/${bits}`, outside: `${address}/${bits}` };
  return {
    ...{ netns, link, uplink, tap, mtu, gatewayMac, guestMac, rules, hostRules },
    v4: {
      gateway: `${v4.gateway}/${v4.bits}`,
      guest: v4.guest,
      ...addresses(outside?.host, outside?.address, PAIR.v4),
    },
    v6: {
      ...{ gateway: `${v6.gateway}/${v6.bits}`, guest: v6.guest },
      ...(hasIpv6 ? addresses(outside?.host6, outside?.address6, PAIR.v6) : {}),
    },
  };
}
