import { readFile } from "node:fs/promises";
import { BandSoxError, type VmInfo } from "@bandsox/contract";
import type { BandSox } from "bandsox";
import type { AuthStore, Identity } from "./auth/auth-store.ts";

/** What is left to the host itself and to what VMs cost beside their memory. */
const RESERVED_MIB = 256;
const RETRY_AFTER_MS = 5_000;

export interface AdmissionOptions {
  readonly bandsox: BandSox;
  readonly auth?: AuthStore | undefined;
  /** Memory the host can still give, in MiB (default: as its kernel estimates it) */
  readonly availableMib?: (() => Promise<number>) | undefined;
}

/** What is asked for: VMs of some memory each, by somebody. */
export interface Asked {
  /** Memory of one of them, in MiB */
  readonly memMib: number;
  /** How many (default: `1`) */
  readonly count?: number | undefined;
  readonly identity: Identity | null;
}

/** VMs that are being brought up: what counts of them before the host, or the storage, shows it. */
interface Coming {
  readonly memMib: number;
  readonly newVms: number;
  readonly key: string | undefined;
}

/** Decides whether more VMs may be brought up: while the host has memory for them, and the key is within its limits. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #coming = new Set<Coming>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Makes VMs, if they may be. They are the key's from then on.
   *
   * @throws {BandSoxError} `capacity_exhausted`, `limit_reached`
   */
  async admit<T>(
    { memMib, count = 1, identity }: Asked,
    work: () => Promise<T>,
    idsOf: (made: T) => readonly string[] = (made) => [(made as { readonly id: string }).id],
  ): Promise<T> {
    const coming = { memMib: memMib * count, newVms: count, key: keyOf(identity) };
    return this.#bringUp(coming, identity, async () => {
      const made = await work();
      if (hasLimits(identity)) for (const id of idsOf(made)) this.#options.auth?.own(id, identity.id);
      return made;
    });
  }

  /** Starts a VM that there is, if it may be. @throws {BandSoxError} as `admit` */
  async admitStart<T>({ memMib, identity }: Asked, work: () => Promise<T>): Promise<T> {
    return this.#bringUp({ memMib, newVms: 0, key: keyOf(identity) }, identity, work);
  }

  /** Takes memory of the host for VMs that are nobody's. @throws {BandSoxError} `capacity_exhausted` */
  async reserve<T>(memMib: number, work: () => Promise<T>): Promise<T> {
    return this.#bringUp({ memMib, newVms: 0, key: undefined }, null, work);
  }

  async #bringUp<T>(wanted: Coming, identity: Identity | null, work: () => Promise<T>): Promise<T> {
    // Counted before it is looked, so that of many at once each sees the others.
    this.#coming.add(wanted);
    try {
      await this.#assertLimits(identity, wanted);
      await this.#assertCapacity(wanted);
      return await work();
    } finally {
      this.#coming.delete(wanted);
    }
  }

  async #assertCapacity(wanted: Coming): Promise<void> {
    const { availableMib = hostAvailableMib } = this.#options;
    const available = await availableMib();
    const before = this.#before(wanted);
    const left = Math.max(0, Math.floor(available - sumOf(before, "memMib") - RESERVED_MIB));
    if (wanted.memMib <= left) return;
    const message = `cannot bring up VMs of ${wanted.memMib} MiB: this host has ${left} MiB left for VMs`;
    const details = {
      ...{ wantedMib: wanted.memMib, availableMib: left },
      ...{ position: before.length + 1, retryAfterMs: RETRY_AFTER_MS },
    };
    throw new BandSoxError("capacity_exhausted", message, details);
  }

  async #assertLimits(identity: Identity | null, wanted: Coming): Promise<void> {
    const { auth } = this.#options;
    if (!auth || !hasLimits(identity)) return;
    const { maxVms, maxMemoryMib } = identity;
    const vms = await this.#vmsOf(identity.id, auth);
    const before = this.#before(wanted).filter(({ key }) => key === identity.id);
    const count = vms.length + sumOf(before, "newVms") + wanted.newVms;
    if (maxVms !== undefined && wanted.newVms > 0 && count > maxVms) throw limitReached("max_vms", maxVms);
    const used = vms.filter(isUp).reduce((sum, vm) => sum + vm.memMib, 0) + sumOf(before, "memMib");
    if (maxMemoryMib !== undefined && used + wanted.memMib > maxMemoryMib)
      throw limitReached("max_memory_mib", maxMemoryMib);
  }

  /** The VMs a key has made and that there still are. */
  async #vmsOf(keyId: string, auth: AuthStore): Promise<VmInfo[]> {
    const owned = auth.ownedBy(keyId);
    const vms = (await this.#options.bandsox.listVms()).filter(({ id }) => owned.has(id));
    const living = new Set<string>(vms.map(({ id }) => id));
    auth.disown([...owned].filter((id) => !living.has(id)));
    return vms;
  }

  /** What was asked for earlier and is not there yet. */
  #before(wanted: Coming): Coming[] {
    const all = [...this.#coming];
    return all.slice(0, all.indexOf(wanted));
  }
}

function isUp({ state }: VmInfo): boolean {
  return state !== "stopped" && state !== "failed";
}

function sumOf(coming: readonly Coming[], field: "memMib" | "newVms"): number {
  return coming.reduce((sum, one) => sum + one[field], 0);
}

function hasLimits(identity: Identity | null): identity is Identity {
  return identity?.maxVms !== undefined || identity?.maxMemoryMib !== undefined;
}

function keyOf(identity: Identity | null): string | undefined {
  return hasLimits(identity) ? identity.id : undefined;
}

function limitReached(limit: string, max: number): BandSoxError {
  const details = { limit, max };
  return new BandSoxError("limit_reached", `the key has reached its limit ${limit} of ${max}`, details);
}

async function hostAvailableMib(): Promise<number> {
  const [, kib] = /^MemAvailable:\s+([0-9]+) kB$/m.exec(await readFile("/proc/meminfo", "utf8")) ?? [];
  return Number(kib ?? 0) / 1024;
}
