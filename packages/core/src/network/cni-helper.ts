import { UPLINK } from "./address-plan.ts";
import { askHelper, mustHelp } from "./network-helper.ts";
import { slotToWire } from "./slot-helper.ts";

/** A port that a chain publishes, as its plugins are told of it. */
export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp";
  /** Absent: at all addresses */
  readonly hostIP?: string | undefined;
}

/** One namespace's interface of a CNI network. */
export interface CniAttachment {
  readonly config: object;
  readonly containerId: string;
  readonly netns: string;
  readonly ports: readonly PortMapping[];
  readonly binDirs: readonly string[];
  readonly cacheDir: string;
}

/** Slots whose way out is a CNI network's, done by `bandsox-network`. Both throw {BandSoxError} `network_failed`. */
export interface CniHelper {
  /** Makes the namespace and runs the chain's ADD and CHECK; all of it or nothing. @returns addresses, in CIDR notation */
  attach(attachment: CniAttachment): Promise<readonly string[]>;
  /** Runs the chain's DEL and removes the namespace. Idempotent; waits for an `attach` that is under way */
  detach(attachment: CniAttachment): Promise<void>;
}

export function cniHelper(path: string): CniHelper {
  const toWire = (attachment: CniAttachment) => ({ ...attachment, ifName: UPLINK });
  return {
    async attach(attachment) {
      const slot = slotToWire({ netns: attachment.netns, link: "", uplink: UPLINK, hasIpv6: false });
      const asked = askHelper(path, { action: "attach", slot, cni: toWire(attachment) });
      const { addresses } = await mustHelp(asked, "attach to the CNI network");
      return addresses;
    },
    async detach(attachment) {
      const asked = askHelper(path, { action: "detach", cni: toWire(attachment) });
      await mustHelp(asked, "detach from the CNI network");
    },
  };
}
