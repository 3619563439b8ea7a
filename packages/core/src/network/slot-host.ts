import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import type { SlotRecords } from "../store/slot-records.ts";
import { chooseRange } from "./address-plan.ts";
import { type HostNetwork, setForwarding } from "./host-network.ts";
import { removeHostRules } from "./host-rules.ts";
import type { SlotHelper } from "./slot-helper.ts";

/** The lease of whoever changes this host, or relies on it from now on. */
export const HOST_KEY = "network:host";

/** What was changed on this host for all slots, written down before it is. */
const HostChange = z.object({
  range: z.string(),
  /** Which forwarding was off before */
  turnedOn: z.array(z.enum(["v4", "v6"])),
  /** Devices the host forwarded nothing from before */
  closed: z.array(z.string()),
});
export type HostChange = z.infer<typeof HostChange>;

export interface SlotHostPorts {
  readonly records: SlotRecords;
  readonly helper: SlotHelper;
  /** The storage's table */
  readonly table: string;
  /** Where outside addresses may be taken from, in CIDR notation; the first that collides with no route of the host */
  readonly ranges: readonly string[];
}

/**
 * Makes the host forward for slots, and finds where their addresses are. The caller holds the right to change the host.
 *
 * @throws {BandSoxError} `network_failed` when every range collides with a route
 */
export function prepareHost({ records, ranges }: SlotHostPorts, host: HostNetwork): HostChange {
  const known = HostChange.safeParse(records.hostChange()).data;
  const range = known?.range ?? chooseRange(ranges, host.routes);
  if (range === undefined) {
    const reason = `each of ${ranges.join(", ")} collides with a route of this host`;
    throw new BandSoxError("network_failed", `cannot find addresses for VMs: ${reason}`, {
      what: "addresses",
      reason,
    });
  }
  const families = host.hasIpv6 ? (["v4", "v6"] as const) : (["v4"] as const);
  const off = families.filter((family) => !host.forwarding[family]);
  const turnedOn = [...new Set([...(known?.turnedOn ?? []), ...off])];
  const closed = turnedOn.includes("v4") ? [...new Set([...(known?.closed ?? []), ...host.uplinks])] : [];
  const change: HostChange = { range, turnedOn, closed };
  if (JSON.stringify(change) !== JSON.stringify(known)) records.setHostChange(change);
  for (const family of off) setForwarding(family, true);
  return change;
}

/** Makes the host as it was before the first slot. Idempotent; the caller holds the right to change the host. */
export async function restoreHost({ records, helper, table }: SlotHostPorts): Promise<void> {
  const change = HostChange.safeParse(records.hostChange()).data;
  if (!change) return;
  await helper.apply({ rules: removeHostRules(table) });
  for (const family of change.turnedOn) setForwarding(family, false);
  records.setHostChange(undefined);
}
