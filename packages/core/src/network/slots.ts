import { createHash } from "node:crypto";
import { join } from "node:path";
import { BandSoxError, type VmId } from "@bandsox/contract";
import type { Leases } from "../store/leases.ts";
import type { SlotRecord, SlotState } from "../store/slot-records.ts";
import {
  INSIDE,
  linkName,
  type OutsideAddresses,
  outsideAddresses,
  RANGES,
  slotCount,
  UPLINK,
} from "./address-plan.ts";
import { type HostNetwork, isNamespace } from "./host-network.ts";
import { addLink, hostRules, removeLink, trustLink } from "./host-rules.ts";
import { nftTransaction } from "./nft.ts";
import { HOST_KEY, prepareHost, restoreHost, type SlotHostPorts } from "./slot-host.ts";
import { type SlotRulesOptions, slotRules } from "./slot-rules.ts";

/** Names that are another's are tried past, as often as other storages may have slots. */
const TAKEN_MAX = 4096;
/** What may still be under way to a VM that is gone does not reach the next that has its address, in ms */
const REST_MS = 3_000;

export interface SlotsPorts extends SlotHostPorts {
  readonly leases: Leases;
  /** Directory of the namespaces' names */
  readonly netnsDir: string;
  /** Begins the namespaces' names */
  readonly prefix: string;
  readonly bootId: string;
  /** How many slots are kept ready while any is held */
  readonly pool: number;
  look(): HostNetwork;
  /** Whether something other than slots relies on this machine's forwarding, which was turned on for slots */
  isReliedOn(): boolean;
  /** Addresses of this machine */
  addresses(): readonly string[];
  now(): Date;
}

/** The network identity of one VM. */
export interface Slot extends OutsideAddresses {
  readonly index: number;
  readonly netns: string;
  readonly link: string;
  readonly range: string;
  readonly hasIpv6: boolean;
}

/** What a VM wants of its slot. */
export interface SlotWants extends Pick<SlotRulesOptions, "egress" | "peers"> {
  /** Whether the guest's own rules decide about this machine's services; else they are closed to it */
  readonly trusted: boolean;
}

/** As many slots and policies as one process has to do with at a time */
const DIGESTS_MAX = 1024;
const PROVEN: readonly SlotState[] = ["free", "held", "resting"];
const ORDINARY: SlotWants = { egress: "public", peers: [], trusted: false };

/** The slots of a storage: made ahead, given to VMs, used again after a rest, and gone with the last VM. */
export class Slots {
  readonly #ports: SlotsPorts;
  readonly #digests = new Map<string, string>();

  constructor(ports: SlotsPorts) {
    this.#ports = ports;
  }

  /** The slot a VM holds. */
  find(vmId: VmId): Slot | undefined {
    const record = this.#ports.records.findOf(vmId);
    return record && this.#slot(record);
  }

  /** Whether this machine has had slots since it started, and so can. */
  get areProven(): boolean {
    const { records, bootId } = this.#ports;
    return records.list().some((slot) => slot.bootId === bootId && PROVEN.includes(slot.state));
  }

  /** Whether this machine is prepared for slots. */
  get isHostPrepared(): boolean {
    return this.#ports.records.hostChange() !== undefined && this.areProven;
  }

  /** Makes what a slot consists of in a namespace that goes again. @throws {BandSoxError} `network_failed` */
  async probe(): Promise<void> {
    const { helper, netnsDir, prefix } = this.#ports;
    const outside = outsideAddresses(RANGES[0], 1);
    const rules = this.#rules({ ...outside, range: RANGES[0], hasIpv6: false }, ORDINARY);
    const netns = join(netnsDir, `${prefix}-probe-${process.pid}`);
    await helper.probe({ ...{ netns, link: "probe0", uplink: UPLINK, hasIpv6: false }, rules });
  }

  /** Gives a VM a slot: one that is ready if there is one, else one that is made now. */
  async acquire(vmId: VmId, wants: SlotWants, signal?: AbortSignal): Promise<Slot> {
    const { records, now, bootId } = this.#ports;
    await this.release(vmId); // of an earlier run that nobody ended
    for (;;) {
      const time = now().getTime();
      const taken = records.take(vmId, { now: time, restedBefore: time - REST_MS, bootId });
      if (!taken) return this.#make(vmId, wants, signal);
      const slot = this.#slot(taken);
      if (isNamespace(slot.netns)) {
        await this.#suit(slot, wants, taken.rules);
        return slot;
      }
      await this.#remove(taken);
    }
  }

  /** Lets the guest's own rules decide about this host's services, or closes them to it. */
  async trust(slot: Slot, { trusted }: SlotWants): Promise<void> {
    const { helper, records, table } = this.#ports;
    records.setRules(slot.index, ""); // they are going to be others
    await helper.apply({ rules: nftTransaction(trustLink(table, slot.link, trusted)) });
  }

  /** The rules a slot has with a policy. */
  rules(slot: Slot, wants: SlotWants) {
    return this.#rules(slot, wants);
  }

  /** Takes a VM's slot back. Idempotent. */
  async release(vmId: VmId): Promise<void> {
    const { records } = this.#ports;
    const record = records.findOf(vmId);
    if (!record) return;
    const others = records.list().filter(({ index }) => index !== record.index);
    const ready = others.filter(({ state }) => state === "free" || state === "resting").length;
    const isWanted = others.some(({ state }) => state === "held") && ready < this.#ports.pool;
    if (record.state === "held" && isWanted && isNamespace(this.#slot(record).netns))
      await this.#rest(record);
    else await this.#remove(record);
    await this.drain();
  }

  /** Makes slots ready until there are as many as are to be kept, while any is held. */
  async refill(signal?: AbortSignal): Promise<void> {
    const { records, pool } = this.#ports;
    for (;;) {
      const all = records.list();
      const ready = all.filter(
        ({ state, vmId }) => state !== "held" && state !== "removing" && vmId === undefined,
      ).length;
      if (!all.some(({ state }) => state === "held")) return this.drain(); // it may have gone meanwhile
      if (signal?.aborted || ready >= pool) return;
      await this.#make(undefined, ORDINARY, signal);
    }
  }

  /** Once no VM holds a slot, removes all of them and, when nothing relies on it, makes the host as it was. */
  async drain(): Promise<void> {
    const { records, leases, isReliedOn } = this.#ports;
    using _host = await leases.acquire(HOST_KEY);
    const all = records.list();
    if (all.some(({ state }) => state === "held" || state === "making")) return;
    for (const record of all) await this.#remove(record);
    if (records.list().length === 0 && !isReliedOn()) await restoreHost(this.#ports);
  }

  /** Removes what dead processes, and hosts that have restarted, left; `isWanted` says whether a VM may hold a slot. */
  async reconcile(isWanted: (vmId: VmId) => boolean): Promise<void> {
    const { records, bootId } = this.#ports;
    const all = records.list();
    if (all.length === 0 && records.hostChange() === undefined) return;
    for (const record of all) {
      const isStale = record.bootId !== bootId && record.state !== "held";
      const isNobodys =
        record.vmId === undefined && (record.state === "making" || record.state === "removing");
      const isForgotten = record.vmId !== undefined && !isWanted(record.vmId);
      if (isStale || isNobodys || isForgotten) await this.#remove(record);
    }
    await this.drain();
  }

  async #make(vmId: VmId | undefined, wants: SlotWants, signal?: AbortSignal): Promise<Slot> {
    const { records, helper, table } = this.#ports;
    const except = new Set<number>();
    while (except.size < TAKEN_MAX) {
      const { record, closed, lease } = await this.#begin(vmId, { except, wants, signal });
      using _slot = lease;
      const slot = this.#slot(record);
      const rules = [...hostRules({ table, range: slot.range, closed }), ...addLink(table, slot.link)];
      const trust = trustLink(table, slot.link, wants.trusted);
      try {
        const made = await helper.make({
          ...{ netns: slot.netns, link: slot.link, uplink: UPLINK, outside: slot, hasIpv6: slot.hasIpv6 },
          ...{ rules: this.#rules(slot, wants), hostRules: nftTransaction([...rules, ...trust]) },
        });
        if (made) {
          records.move(slot.index, vmId === undefined ? "free" : "held", {
            vmId,
            now: this.#ports.now().getTime(),
          });
          return slot;
        }
      } catch (error) {
        lease[Symbol.dispose]();
        await this.#remove(record);
        throw error;
      }
      records.delete(slot.index); // its names are another storage's
      except.add(slot.index);
    }
    throw usedUp();
  }

  /** Writes down what is going to be made. */
  async #begin(
    vmId: VmId | undefined,
    {
      except,
      wants,
      signal,
    }: { except: ReadonlySet<number>; wants: SlotWants; signal?: AbortSignal | undefined },
  ) {
    const { records, leases, bootId, now, look } = this.#ports;
    using _host = await leases.acquire(HOST_KEY, signal);
    const host = look();
    const { range, closed } = prepareHost(this.#ports, host);
    const draft = { range, hasIpv6: host.hasIpv6, vmId, since: now().getTime(), bootId, rules: "" };
    const index = records.begin(draft, { except, max: slotCount(range) });
    if (index === undefined) throw usedUp();
    const lease = await leases.acquire(slotKey(index));
    const record: SlotRecord = { ...draft, index, state: "making" };
    records.setRules(index, this.#digest(this.#slot(record), wants));
    return { record, closed, lease };
  }

  /** Makes a slot's rules those wanted, if they are not. */
  async #suit(slot: Slot, wants: SlotWants, present: string): Promise<void> {
    const { helper, records, table } = this.#ports;
    const wanted = this.#digest(slot, wants);
    if (wanted === present) return;
    const rules = this.#rules(slot, wants);
    records.setRules(slot.index, "");
    await helper.apply({ netns: slot.netns, rules, forget: [INSIDE.v4.guest, INSIDE.v6.guest] });
    // One that is ready is trusted by nobody yet.
    if (wants.trusted) await helper.apply({ rules: nftTransaction(trustLink(table, slot.link, true)) });
    records.setRules(slot.index, wanted);
  }

  /** Makes a slot as it was when it was new, for another VM in a while. */
  async #rest(record: SlotRecord): Promise<void> {
    const { records, helper, leases, now, table } = this.#ports;
    using _lease = await leases.acquire(slotKey(record.index));
    if (!records.moveFrom(record.index, [record.state], "removing", now().getTime())) return;
    const slot = this.#slot(record);
    const rules = this.#rules(slot, ORDINARY);
    await helper.reset({ netns: slot.netns, rules, devices: [INSIDE.tap, UPLINK] });
    await helper.apply({ rules: nftTransaction(trustLink(table, slot.link, false)) });
    records.setRules(record.index, this.#digest(slot, ORDINARY));
    records.move(record.index, "resting", { now: now().getTime() });
  }

  /** Removes a slot that nobody works on. */
  async #remove(record: SlotRecord): Promise<void> {
    const { records, helper, leases, table, now } = this.#ports;
    const isOthersWork =
      record.vmId === undefined && (record.state === "making" || record.state === "removing");
    const key = slotKey(record.index);
    using lease = isOthersWork ? leases.tryAcquire(key) : await leases.acquire(key);
    if (!lease) return;
    if (!records.moveFrom(record.index, [record.state, "removing"], "removing", now().getTime())) return;
    const { netns, link } = this.#slot(record);
    await helper.remove({ netns, link, hostRules: nftTransaction(removeLink(table, link)) });
    records.delete(record.index);
  }

  #slot({ index, range, hasIpv6 }: Pick<SlotRecord, "index" | "range" | "hasIpv6">): Slot {
    const { netnsDir, prefix } = this.#ports;
    const netns = join(netnsDir, `${prefix}-${index}`);
    return { index, netns, link: linkName(index), range, hasIpv6, ...outsideAddresses(range, index) };
  }

  /** A digest of the rules a slot has with a policy. They are built once for each: a VM waits for this. */
  #digest(slot: Slot, wants: SlotWants): string {
    const { address, hasIpv6, range } = slot;
    const key = JSON.stringify([address, hasIpv6, range, this.#ports.addresses(), wants]);
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    if (this.#digests.size >= DIGESTS_MAX) this.#digests.clear();
    const made = digest(this.#rules(slot, wants));
    this.#digests.set(key, made);
    return made;
  }

  #rules(slot: Omit<Slot, "index" | "netns" | "link">, { egress, peers }: SlotWants) {
    return slotRules({
      ...{ uplink: UPLINK, address: slot.address, address6: slot.hasIpv6 ? slot.address6 : undefined },
      ...{ slots: [slot.range], host: this.#ports.addresses(), peers, egress, neighbours: "this host" },
    });
  }
}

const slotKey = (index: number) => `slot:${index}`;

function usedUp(): BandSoxError {
  const reason = "the addresses for this host's VMs are used up";
  return new BandSoxError("network_failed", `cannot make a slot: ${reason}`, { what: "slot", reason });
}

function digest(rules: object): string {
  return createHash("sha256").update(JSON.stringify(rules)).digest("hex").slice(0, 16);
}
