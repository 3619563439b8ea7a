import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { VmId } from "@bandsox/contract";
import type { Operations } from "../base/operations.ts";
import { type HelperPaths, storagePaths } from "../host/paths.ts";
import { ownIdentity } from "../host/process-identity.ts";
import { CniRecords } from "../store/cni-records.ts";
import type { Leases } from "../store/leases.ts";
import { SlotRecords } from "../store/slot-records.ts";
import { RANGES } from "./address-plan.ts";
import { CniAttachments } from "./cni-attachments.ts";
import { cniHelper } from "./cni-helper.ts";
import { cniNetworks } from "./cni-networks.ts";
import { type CniPlaceOptions, cniPlaces } from "./cni-places.ts";
import { hostAddresses, isNamespace, lookAtHost } from "./host-network.ts";
import { HOSTS_FILE } from "./network-service.ts";
import type { Networks } from "./networks.ts";
import { type Member, PrivateNetworks } from "./private-networks.ts";
import { slotHelper } from "./slot-helper.ts";
import { slotNetworks } from "./slot-networks.ts";
import { Slots } from "./slots.ts";

export interface NetworkOptions extends CniPlaceOptions {
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
  /** VMs that were made to be in private networks */
  readonly members: () => readonly Member[];
  /** A VM's directory */
  readonly vmDir: (id: VmId) => string;
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
  members,
  vmDir,
}: OpenNetworksOptions): Networks {
  const key = createHash("sha256").update(root).digest("hex").slice(0, NAME_DIGITS);
  const helper = slotHelper(helpers.network);
  const table = `bandsox_${key}`;
  const { cniBinDir, cniCacheDir } = storagePaths(root);
  const places = cniPlaces(options ?? {}, cniBinDir);
  const attachments = new CniAttachments({
    ...{ leases, records: new CniRecords(database), netnsDir: NETNS_DIR, prefix: `bandsox-${key}` },
    ...{ helper: { ...helper, ...cniHelper(helpers.network) }, addresses: hostAddresses },
    ...{ binDirs: places.binDirs, cacheDir: cniCacheDir, warn },
  });
  const slots = new Slots({
    ...{ leases, records: new SlotRecords(database), helper, table },
    ...{
      prefix: `bandsox-${key}`,
      netnsDir: NETNS_DIR,
      bootId: ownIdentity().bootId,
    },
    ...{ ranges: options?.range === undefined ? RANGES : [options.range], pool: options?.pool ?? POOL },
    isReliedOn: () => attachments.areAny,
    ...{ look: lookAtHost, addresses: hostAddresses, now: () => new Date() },
  });
  const privateNetworks = new PrivateNetworks({
    ...{ leases, helper, table, members },
    slotOf: (id) => {
      const slot = slots.find(id);
      return slot && isNamespace(slot.netns) ? slot : undefined;
    },
    isHostPrepared: () => slots.isHostPrepared,
    hostsFile: (id) => join(vmDir(id), HOSTS_FILE),
  });
  return slotNetworks({
    ...{ slots, operations, privateNetworks, warn, byDefault: options?.byDefault ?? true },
    cni: cniNetworks({ attachments, places }),
  });
}
