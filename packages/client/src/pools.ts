import type { PoolInfo, PoolSpecInput } from "@bandsox/contract";
import { fromWire, toWire } from "@bandsox/contract/wire";
import type { Transport } from "./transport.ts";

interface Abortable {
  signal?: AbortSignal | undefined;
}

/** VMs a server keeps ready. A pool is named by its id, or by its image if it is the only one of that image. */
export class RemotePools {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Makes the pool of a shape, or gives it another size, and fills it. */
  async set(spec: PoolSpecInput, { signal }: Abortable = {}): Promise<PoolInfo> {
    const call = { body: toWire(spec), signal, timeoutMs: 0 };
    return fromWire<PoolInfo>(await this.#transport.call("PUT /api/pools", call));
  }

  /** Makes what one pool lacks, or all of them. */
  async fill(pool?: string, { signal }: Abortable = {}): Promise<PoolInfo[]> {
    const call = { body: { pool }, signal, timeoutMs: 0 };
    return fromWire<PoolInfo[]>(await this.#transport.call("POST /api/pools/fill", call));
  }

  /** All pools, with how often they had a VM ready and how long making one takes. */
  async list(): Promise<PoolInfo[]> {
    return fromWire<PoolInfo[]>(await this.#transport.call("GET /api/pools", {}));
  }

  /** Removes a pool and the VMs it keeps; those that were taken from it run on. @throws {BandSoxError} `pool_not_found` */
  async remove(pool: string, { signal }: Abortable = {}): Promise<void> {
    await this.#transport.call("DELETE /api/pools", { query: { pool }, signal, timeoutMs: 0 });
  }
}
