import { readFile } from "node:fs/promises";
import { BandSoxError } from "@bandsox/contract";
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

/** Decides whether another VM may be made: while the host has memory for it, and the key is within its limits. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** Memory of VMs that are being made, which the host's own count does not show yet */
  readonly #coming = new Set<{ readonly memMib: number }>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Does work that brings up a VM of some memory, if it may be.
   *
   * @throws {BandSoxError} `capacity_exhausted`, `limit_reached`
   */
  async admit<T extends { readonly id: string }>(
    { memMib, identity }: { readonly memMib: number; readonly identity: Identity | null },
    work: () => Promise<T>,
  ): Promise<T> {
    const mine = { memMib };
    await this.#assertLimits(identity, memMib);
    await this.#assertCapacity(memMib);
    this.#coming.add(mine);
    try {
      const vm = await work();
      if (hasLimits(identity)) this.#options.auth?.own(vm.id, identity.id);
      return vm;
    } finally {
      this.#coming.delete(mine);
    }
  }

  async #assertCapacity(wantedMib: number): Promise<void> {
    const { availableMib = hostAvailableMib } = this.#options;
    const available = await availableMib();
    const coming = [...this.#coming].reduce((sum, { memMib }) => sum + memMib, 0);
    const left = Math.floor(available - coming - RESERVED_MIB);
    if (wantedMib <= left) return;
    const position = this.#coming.size + 1;
    const message = `cannot bring up a VM of ${wantedMib} MiB: this host has ${Math.max(0, left)} MiB left for VMs`;
    const details = { wantedMib, availableMib: Math.max(0, left), position, retryAfterMs: RETRY_AFTER_MS };
    throw new BandSoxError("capacity_exhausted", message, details);
  }

  async #assertLimits(identity: Identity | null, memMib: number): Promise<void> {
    const { auth, bandsox } = this.#options;
    if (!auth || !hasLimits(identity)) return;
    const { maxVms, maxMemoryMib } = identity;
    const owned = auth.ownedBy(identity.id);
    const vms = (await bandsox.listVms()).filter(({ id }) => owned.has(id));
    const living = new Set<string>(vms.map(({ id }) => id));
    auth.disown([...owned].filter((id) => !living.has(id)));
    if (maxVms !== undefined && vms.length >= maxVms) throw limitReached("max_vms", maxVms);
    const used = vms.filter(({ state }) => state !== "stopped").reduce((sum, vm) => sum + vm.memMib, 0);
    if (maxMemoryMib !== undefined && used + memMib > maxMemoryMib)
      throw limitReached("max_memory_mib", maxMemoryMib);
  }
}

function hasLimits(identity: Identity | null): identity is Identity {
  return identity?.maxVms !== undefined || identity?.maxMemoryMib !== undefined;
}

function limitReached(limit: string, max: number): BandSoxError {
  return new BandSoxError("limit_reached", `the key has reached its limit ${limit} of ${max}`, {
    limit,
    max,
  });
}

async function hostAvailableMib(): Promise<number> {
  const [, kib] = /^MemAvailable:\s+([0-9]+) kB$/m.exec(await readFile("/proc/meminfo", "utf8")) ?? [];
  return Number(kib ?? 0) / 1024;
}
