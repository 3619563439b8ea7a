import type { PoolInfo, PoolSpecInput } from "@bandsox/contract";
import type { Core } from "@bandsox/core";

interface Interruptible {
  readonly signal?: AbortSignal | undefined;
}

/**
 * VMs that are kept ready. A VM that is created with the image, processors, memory and disk of a pool, and without a
 * network, is taken from it; name, environment and metadata are given to it then. A pool is named by its id, or by its
 * image if it is the only one of that image.
 *
 * Whoever takes a VM has the pool filled again: a process with the storage open does it in the background as long as
 * it has, and leaves the rest to the next; the command line starts a process of its own for it.
 */
export class PoolStore {
  readonly #core: () => Promise<Core>;

  constructor(core: () => Promise<Core>) {
    this.#core = core;
  }

  /**
   * Makes the pool of a shape, or gives it another size, and fills it.
   *
   * @throws {BandSoxError} `invalid_argument`, what creating a VM throws, `interrupted`: what was made stays
   */
  async set(spec: PoolSpecInput, options: Interruptible = {}): Promise<PoolInfo> {
    return (await this.#core()).pools.set(spec, options);
  }

  /** Makes what one pool lacks, or all of them; for whoever stays, as a server does. @throws {BandSoxError} as `set` */
  async fill(pool?: string, options: Interruptible = {}): Promise<PoolInfo[]> {
    return (await this.#core()).pools.fill(pool, options);
  }

  /** All pools, with how often they had a VM ready and how long making one takes. */
  async list(): Promise<PoolInfo[]> {
    return (await this.#core()).pools.list();
  }

  /** Removes a pool and the VMs it keeps; those that were taken from it run on. @throws {BandSoxError} `pool_not_found` */
  async remove(pool: string, options: Interruptible = {}): Promise<void> {
    await (await this.#core()).pools.remove(pool, options);
  }
}
