import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Operations } from "../base/operations.ts";
import type { HelperPaths } from "../host/paths.ts";
import { ownIdentity } from "../host/process-identity.ts";
import type { Leases } from "../store/leases.ts";
import { SlotRecords } from "../store/slot-records.ts";
import { RANGES } from "./address-plan.ts";
import { hostAddresses, lookAtHost } from "./host-network.ts";
import type { Networks } from "./networks.ts";
import { slotHelper } from "./slot-helper.ts";
import { slotNetworks } from "./slot-networks.ts";
import { Slots } from "./slots.ts";

export interface NetworkOptions {
  /** Whether VMs for which nothing is said get a network where that is possible (default: `true`) */
  readonly byDefault?: boolean | undefined;
  /** Where outside addresses are taken from, in CIDR notation (default: the first of several that collides with no route) */
  readonly range?: string | undefined;
  /** How many slots are kept ready while a VM has one (default: `2`) */
  readonly pool?: number | undefined;
}

const POOL = 2;
/** Where `ip netns` looks for names */
const NETNS_DIR = "/run/netns";
const NAME_DIGITS = 6;

export interface OpenNetworksOptions {
  readonly database: DatabaseSync;
  readonly leases: Leases;
  readonly operations: Operations;
  readonly helpers: HelperPaths;
  /** The storage, whose slots have names of their own on this host */
  readonly root: string;
  readonly options: NetworkOptions | undefined;
  readonly warn: (message: string) => void;
}

/** The networks of a storage. */
export function openNetworks({
  database,
  leases,
  operations,
  helpers,
  root,
  options,
  warn,
}: OpenNetworksOptions): Networks {
  const key = createHash("sha256").update(root).digest("hex").slice(0, NAME_DIGITS);
  const slots = new Slots({
    ...{ leases, records: new SlotRecords(database), helper: slotHelper(helpers.network) },
    ...{
      table: `bandsox_${key}`,
      prefix: `bandsox-${key}`,
      netnsDir: NETNS_DIR,
      bootId: ownIdentity().bootId,
    },
    ...{ ranges: options?.range === undefined ? RANGES : [options.range], pool: options?.pool ?? POOL },
    ...{ look: lookAtHost, addresses: hostAddresses, now: () => new Date() },
  });
  return slotNetworks({ slots, operations, byDefault: options?.byDefault ?? true, warn });
}
