import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { VmId } from "@bandsox/contract";

/** One VM's interface of a CNI network, written down before it is made and until it is gone. */
export interface CniRecord {
  readonly vmId: VmId;
  readonly network: string;
  /** What the network's chain was when it was run, JSON: it is taken back by the same */
  readonly config: string;
  readonly containerId: string;
  readonly netns: string;
  /** What the chain was told to publish, JSON of the caller's */
  readonly ports: string;
  /** What the chain has given, in CIDR notation; none as long as it has not answered */
  readonly addresses: readonly string[];
}

/** The `cni_attachments` table. */
export class CniRecords {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  list(): CniRecord[] {
    return this.#database.prepare("SELECT * FROM cni_attachments ORDER BY vm_id").all().map(toRecord);
  }

  find(vmId: VmId): CniRecord | undefined {
    const row = this.#database.prepare("SELECT * FROM cni_attachments WHERE vm_id = ?").get(vmId);
    return row && toRecord(row);
  }

  begin({ vmId, network, config, containerId, netns, ports }: Omit<CniRecord, "addresses">): void {
    this.#database
      .prepare(
        `INSERT INTO cni_attachments (vm_id, network, config, container_id, netns, ports, addresses)
         VALUES (?, ?, ?, ?, ?, ?, '[]')`,
      )
      .run(vmId, network, config, containerId, netns, ports);
  }

  setAddresses(vmId: VmId, addresses: readonly string[]): void {
    this.#database
      .prepare("UPDATE cni_attachments SET addresses = ? WHERE vm_id = ?")
      .run(JSON.stringify(addresses), vmId);
  }

  delete(vmId: VmId): void {
    this.#database.prepare("DELETE FROM cni_attachments WHERE vm_id = ?").run(vmId);
  }
}

function toRecord(row: Record<string, SQLOutputValue>): CniRecord {
  return {
    vmId: String(row.vm_id) as VmId,
    network: String(row.network),
    config: String(row.config),
    containerId: String(row.container_id),
    netns: String(row.netns),
    ports: String(row.ports),
    addresses: JSON.parse(String(row.addresses)),
  };
}
