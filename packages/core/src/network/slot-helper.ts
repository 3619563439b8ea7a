import { BandSoxError } from "@bandsox/contract";
import { execa } from "execa";
import { z } from "zod";
import { toolPath } from "../host/find-tool.ts";
import { INSIDE, type OutsideAddresses } from "./address-plan.ts";
import type { nftTransaction } from "./nft.ts";

type NftTransaction = ReturnType<typeof nftTransaction>;

/** One slot's devices and addresses. */
export interface SlotPlan {
  readonly netns: string;
  /** Name of the link's end on the host */
  readonly link: string;
  readonly uplink: string;
  /** Absent: nothing leads out yet, a CNI plugin is to make it */
  readonly outside?: OutsideAddresses | undefined;
  readonly hasIpv6: boolean;
  readonly rules?: NftTransaction | undefined;
  readonly hostRules?: NftTransaction | undefined;
}

const Answer = z.object({ error: z.string().default(""), taken: z.boolean().default(false) });

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
  const ask = (request: object) => run(path, request);
  return {
    async make(plan) {
      const { error, taken } = await ask({ action: "make", slot: toWire(plan) });
      if (error !== "" && !taken) throw failed(`make the slot ${plan.link}`, error);
      return !taken;
    },
    probe: (plan) => must(ask({ action: "probe", slot: toWire(plan) }), "make a slot"),
    apply: (change) => must(ask({ action: "apply", ...change }), "change network rules"),
    reset: (slot) => must(ask({ action: "reset", ...slot }), `reset ${slot.netns}`),
    remove: (slot) => must(ask({ action: "remove", ...slot }), `remove ${slot.netns}`),
  };
}

async function must(asked: Promise<z.infer<typeof Answer>>, what: string): Promise<void> {
  const { error } = await asked;
  if (error !== "") throw failed(what, error);
}

/** The helper finishes what it has begun even if this process dies. */
async function run(path: string, request: object): Promise<z.infer<typeof Answer>> {
  const options = {
    input: JSON.stringify(request),
    reject: false,
    env: { PATH: toolPath() },
    detached: true,
  } as const;
  const { stdout, code, exitCode, stderr } = await execa(path, options);
  try {
    return Answer.parse(JSON.parse(stdout));
  } catch (cause) {
    const reason = `${path} ended with ${code ?? exitCode}: ${stderr || "it said nothing"}`;
    throw new BandSoxError(
      "network_failed",
      `networks cannot be changed: ${reason}`,
      { what: "helper", reason },
      { cause },
    );
  }
}

function failed(what: string, reason: string): BandSoxError {
  return new BandSoxError("network_failed", `cannot ${what}: ${reason}`, { what, reason });
}

const PAIR = { v4: 31, v6: 127 } as const;

function toWire({ netns, link, uplink, outside, hasIpv6, rules, hostRules }: SlotPlan) {
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
