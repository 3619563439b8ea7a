import { rename, writeFile } from "node:fs/promises";
import type { VmId } from "@bandsox/contract";
import type { Leases } from "../store/leases.ts";
import { setPairs } from "./host-rules.ts";
import { type NftCommand, nftTable, nftTransaction } from "./nft.ts";
import type { SlotHelper } from "./slot-helper.ts";
import { SLOT_TABLE } from "./slot-rules.ts";
import type { Slot } from "./slots.ts";

/** A VM that is in private networks. */
export interface Member {
  readonly id: VmId;
  readonly name: string;
  readonly networks: readonly string[];
}

/** A member while it has a slot. */
export interface Connected extends Member {
  readonly slot: Pick<Slot, "address" | "netns">;
}

export interface PrivateNetworksPorts {
  readonly leases: Leases;
  readonly helper: SlotHelper;
  /** The storage's table on the host */
  readonly table: string;
  /** VMs that were made to be in private networks, whether they run or not */
  members(): readonly Member[];
  /** The slot a VM holds, as long as its namespace is there */
  slotOf(id: VmId): Slot | undefined;
  /** Whether the host has the storage's table */
  isHostPrepared(): boolean;
  /** Where a VM's supervisor reads the names of the others */
  hostsFile(id: VmId): string;
}

/** Private networks: VMs with one in common reach each other, by name, and no others do. */
export class PrivateNetworks {
  readonly #ports: PrivateNetworksPorts;

  constructor(ports: PrivateNetworksPorts) {
    this.#ports = ports;
  }

  /** Outside addresses of the VMs that one shares a network with. */
  peersOf(id: VmId): string[] {
    const all = this.#connected();
    const own = all.find((one) => one.id === id);
    return own ? peers(own, all).map(({ slot }) => slot.address) : [];
  }

  /** Makes host, namespaces and names agree with who is there. Does nothing where nobody is in a private network. */
  async settle(): Promise<void> {
    const { leases, helper, table, hostsFile, isHostPrepared } = this.#ports;
    if (this.#ports.members().length === 0) return;
    using _turn = await leases.acquire("network:private");
    const all = this.#connected();
    if (!isHostPrepared()) return;
    const pairs = all.flatMap((one) =>
      peers(one, all).map((other) => [one.slot.address, other.slot.address] as const),
    );
    await helper.apply({ rules: nftTransaction(setPairs(table, pairs)) });
    for (const one of all) {
      const others = peers(one, all);
      const rules = nftTransaction(setPeers(others.map(({ slot }) => slot.address)));
      try {
        await helper.apply({ netns: one.slot.netns, rules });
        await replaceFile(hostsFile(one.id), JSON.stringify(hostNames(others)));
      } catch (error) {
        if (this.#ports.slotOf(one.id)) throw error; // else it has gone meanwhile
      }
    }
  }

  #connected(): Connected[] {
    return this.#ports.members().flatMap((member) => {
      const slot = this.#ports.slotOf(member.id);
      return slot ? [{ ...member, slot }] : [];
    });
  }
}

/** Those a VM shares a network with. */
export function peers(own: Connected, all: readonly Connected[]): Connected[] {
  const shares = ({ networks }: Connected) => networks.some((name) => own.networks.includes(name));
  return all.filter((other) => other.id !== own.id && shares(other));
}

/** Names by which other VMs are asked for: their own, and their ids. */
export function hostNames(members: readonly Connected[]): Record<string, string[]> {
  const names: Record<string, string[]> = Object.create(null);
  for (const { id, name, slot } of members)
    for (const one of new Set([id.toLowerCase(), name.toLowerCase()])) names[one] = [slot.address];
  return names;
}

function setPeers(addresses: readonly string[]): NftCommand[] {
  const table = nftTable(SLOT_TABLE);
  const add = addresses.length === 0 ? [] : [table.elements("add", "peers", addresses)];
  return [table.flushSet("peers"), ...add];
}

async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.next`, content, { mode: 0o600 });
  await rename(`${path}.next`, path);
}
