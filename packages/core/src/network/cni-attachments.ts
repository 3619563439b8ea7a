import { join } from "node:path";
import { type Egress, type NetworkSpec, PublishedPort, type VmId } from "@bandsox/contract";
import { z } from "zod";
import type { CniRecord, CniRecords } from "../store/cni-records.ts";
import type { Leases } from "../store/leases.ts";
import { UPLINK } from "./address-plan.ts";
import type { CniNetwork } from "./cni-config.ts";
import type { CniAttachment, CniHelper } from "./cni-helper.ts";
import { assertUnpublished, mappedByChain, portMappings } from "./mapped-ports.ts";
import type { SlotHelper } from "./slot-helper.ts";
import { HOST_KEY } from "./slot-host.ts";
import { slotRules } from "./slot-rules.ts";

export interface CniAttachmentsPorts {
  readonly records: CniRecords;
  readonly leases: Leases;
  readonly helper: CniHelper & Pick<SlotHelper, "apply">;
  /** Directory of the namespaces' names */
  readonly netnsDir: string;
  /** Begins the namespaces' names, and what plugins know VMs by */
  readonly prefix: string;
  readonly binDirs: readonly string[];
  readonly cacheDir: string;
  /** Addresses of this machine */
  addresses(): readonly string[];
  warn(message: string): void;
}

/** The network identity of one VM, as a CNI network has given it. */
export interface CniSlot {
  readonly netns: string;
  readonly address: string;
  readonly address6: string | undefined;
  readonly hasIpv6: boolean;
  /** Ports that the network's chain publishes */
  readonly mapped: readonly PublishedPort[];
}

const Ports = z.array(PublishedPort);
const keyOf = (id: VmId) => `cni:${id}`;

/** VMs attached to CNI networks: their namespaces, what plugins made for them, and the rows that tell of both. */
export class CniAttachments {
  readonly #ports: CniAttachmentsPorts;

  constructor(ports: CniAttachmentsPorts) {
    this.#ports = ports;
  }

  /** Whether any VM is attached. */
  get areAny(): boolean {
    return this.#ports.records.list().length > 0;
  }

  /** The ports that chains publish. */
  get mapped(): PublishedPort[] {
    return this.#ports.records.list().flatMap(mappedOf);
  }

  /** What a VM is attached by, once its network has given it addresses. */
  find(id: VmId): CniSlot | undefined {
    const record = this.#ports.records.find(id);
    return record && slotOf(record);
  }

  /**
   * Attaches a VM; all of it or nothing.
   *
   * @throws {BandSoxError} `network_failed`, `port_unavailable`
   */
  async attach(
    id: VmId,
    { network, spec, signal }: { network: CniNetwork; spec: NetworkSpec; signal?: AbortSignal | undefined },
  ): Promise<CniSlot> {
    const { records, leases, helper, netnsDir, prefix } = this.#ports;
    await this.detach(id); // of an earlier run that nobody ended
    using _turn = await leases.acquire(keyOf(id), signal);
    const mapped = mappedByChain(spec.ports, network);
    const name = `${prefix}-${id}`;
    const record = {
      ...{ vmId: id, network: network.name, config: JSON.stringify(network.config) },
      ...{ containerId: name, netns: join(netnsDir, name), ports: JSON.stringify(mapped) },
    };
    {
      // Nobody else takes these ports meanwhile, or makes the host as it was while this VM is going to rely on it.
      using _host = await leases.acquire(HOST_KEY, signal);
      await assertUnpublished(mapped, this.mapped);
      records.begin(record);
    }
    try {
      const addresses = await helper.attach(this.#attachment(record));
      const slot = slotOf({ ...record, addresses });
      if (!slot) throw new TypeError("the helper gave no address"); // which it never does without a failure
      await helper.apply({ netns: slot.netns, rules: this.rules(slot, spec.egress) });
      records.setAddresses(id, addresses);
      return slot;
    } catch (error) {
      await this.#remove(record).catch(() => {}); // then the row stays, and who undoes the VM tries again
      throw error;
    }
  }

  /** The rules a VM's namespace has with a policy. Who may reach it from outside is its network's matter. */
  rules({ address, address6 }: CniSlot, egress: Egress) {
    return slotRules({
      ...{ uplink: UPLINK, address, address6, egress, neighbours: "its network" },
      ...{ slots: [], peers: [], host: this.#ports.addresses() },
    });
  }

  /** Takes a VM's attachment back, however far it came. Idempotent. @returns whether there was one */
  async detach(id: VmId): Promise<boolean> {
    if (!this.#ports.records.find(id)) return false;
    using _turn = await this.#ports.leases.acquire(keyOf(id));
    const record = this.#ports.records.find(id);
    if (record) await this.#remove(record);
    return true;
  }

  /** Takes back what belongs to no VM that may be attached; what cannot be is told, and tried again the next time. */
  async reconcile(isWanted: (id: VmId) => boolean): Promise<void> {
    for (const { vmId } of this.#ports.records.list()) if (!isWanted(vmId)) await this.detachOrWarn(vmId);
  }

  /** Takes a VM's attachment back as `detach` does; where plugins cannot, its row stays for the next time. */
  async detachOrWarn(id: VmId): Promise<boolean> {
    try {
      return await this.detach(id);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#ports.warn(`could not take ${id} off its CNI network, it will be tried again: ${why}`);
      return true;
    }
  }

  async #remove(record: Omit<CniRecord, "addresses">): Promise<void> {
    await this.#ports.helper.detach(this.#attachment(record));
    this.#ports.records.delete(record.vmId);
  }

  #attachment(record: Omit<CniRecord, "addresses">): CniAttachment {
    const { containerId, netns } = record;
    const { binDirs, cacheDir } = this.#ports;
    const ports = portMappings(mappedOf(record));
    return { config: JSON.parse(record.config), containerId, netns, ports, binDirs, cacheDir };
  }
}

function mappedOf({ ports }: Pick<CniRecord, "ports">): PublishedPort[] {
  return Ports.parse(JSON.parse(ports));
}

function slotOf(record: Omit<CniRecord, "config">): CniSlot | undefined {
  const addresses = record.addresses.map((address) => address.replace(/\/\d+$/, ""));
  const address = addresses.find((one) => !one.includes(":"));
  const address6 = addresses.find((one) => one.includes(":"));
  if (address === undefined) return undefined;
  const { netns } = record;
  return { netns, address, address6, hasIpv6: address6 !== undefined, mapped: mappedOf(record) };
}
