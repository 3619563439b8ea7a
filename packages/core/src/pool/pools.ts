import {
  BandSoxError,
  type PoolId,
  type PoolInfo,
  PoolSpec,
  type PoolSpecInput,
  parseInput,
} from "@bandsox/contract";
import type { PoolRecord } from "../store/pool-records.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { discardPooled, fillPool } from "./fill-pool.ts";
import { settlePooled } from "./reconcile-pools.ts";

const SHOWN_CHARACTERS = 80;

interface Interruptible {
  readonly signal?: AbortSignal | undefined;
}

/** VMs that are kept ready, so that creating one is taking one. A pool is named by its id, or by its image if it has one. */
export class Pools {
  readonly #ports: VmPorts;

  constructor(ports: VmPorts) {
    this.#ports = ports;
  }

  /** Makes the pool of a shape, or gives it another size, and fills it. */
  async set(input: PoolSpecInput, { signal }: Interruptible = {}): Promise<PoolInfo> {
    const { size, ...shape } = parseInput(PoolSpec, input, "pool");
    return this.#ports.operations.run(signal, async (linked) => {
      const { pools } = this.#ports;
      const id = pools.put(this.#ports.newPoolId(), shape, size);
      await this.#settle(id);
      await fillPool(this.#ports, id, linked);
      return this.#info(this.#find(id));
    });
  }

  /** Makes what pools lack, of one or of all of them; for whoever stays, as a server does. */
  async fill(reference?: string, { signal }: Interruptible = {}): Promise<PoolInfo[]> {
    return this.#ports.operations.run(signal, async (linked) => {
      const wanted = reference === undefined ? this.#ports.pools.list() : [this.#find(reference)];
      for (const { id } of wanted) {
        await this.#settle(id);
        await fillPool(this.#ports, id, linked);
      }
      return wanted.map(({ id }) => this.#info(this.#find(id)));
    });
  }

  async list(): Promise<PoolInfo[]> {
    return this.#ports.operations.run(undefined, async () => {
      for (const vm of this.#ports.pools.vms()) await settlePooled(this.#ports, vm);
      return this.#ports.pools.list().map((pool) => this.#info(pool));
    });
  }

  /** Removes a pool and the VMs it keeps; those that were taken from it run on. */
  async remove(reference: string, { signal }: Interruptible = {}): Promise<void> {
    await this.#ports.operations.run(signal, async (linked) => {
      const { pools, leases } = this.#ports;
      const { id, ...shape } = this.#find(reference);
      pools.put(id, shape, 0); // whoever fills it makes no more
      using _lease = await leases.acquire(`pool:${id}`, linked);
      for (const vm of pools.vms(id)) await discardPooled(this.#ports, vm);
      pools.delete(id);
    });
  }

  async #settle(id: PoolId): Promise<void> {
    for (const vm of this.#ports.pools.vms(id)) await settlePooled(this.#ports, vm);
  }

  #find(reference: string): PoolRecord {
    const exact = this.#ports.pools.find(reference);
    if (exact) return exact;
    const [only, ...others] = this.#ports.pools.list().filter(({ image }) => image === reference);
    if (only && others.length === 0) return only;
    const shown = JSON.stringify(reference.slice(0, SHOWN_CHARACTERS));
    const ids = others.length > 0 && only ? [only, ...others].map(({ id }) => id) : [];
    const message = only ? `several pools are of ${shown}: ${ids.join(", ")}` : `there is no pool ${shown}`;
    throw new BandSoxError("pool_not_found", message, { reference: reference.slice(0, SHOWN_CHARACTERS) });
  }

  #info({ refillMs, ...pool }: PoolRecord): PoolInfo {
    const vms = this.#ports.pools.vms(pool.id);
    const count = (state: string) => vms.filter((vm) => vm.state === state).length;
    const mean = pool.refills === 0 ? 0 : refillMs / pool.refills;
    return { ...pool, ready: count("ready"), filling: count("filling"), refillMs: mean };
  }
}
