import type { LimitAction, Metadata, NetworkSpecInput } from "@bandsox/contract";
import { toWire } from "@bandsox/contract/wire";

/** How a VM that goes on from a save differs from the one that was saved; what is left out is as it was. */
export interface CloneOptions {
  env?: Record<string, string> | undefined;
  metadata?: Metadata | undefined;
  /** Its network, if it was saved with one; `false` cuts it off */
  networking?: boolean | NetworkSpecInput | undefined;
  /** Counts from now; `null` lifts the limit, here and below */
  timeoutMs?: number | null | undefined;
  onTimeout?: LimitAction | undefined;
  idleTimeoutMs?: number | null | undefined;
  onIdle?: LimitAction | undefined;
  idleCpuPercent?: number | undefined;
}

/** The fields of a body that say so. */
export function cloneBody({ env: env_vars, metadata, networking, ...limits }: CloneOptions) {
  // Merely switched on it would be, for earlier clients' sake, whatever was saved.
  const network = networking === true ? {} : networking;
  const enable_networking = typeof network === "object" ? (toWire(network) as never) : network;
  return { env_vars, metadata, enable_networking, ...toWire(limits) };
}
