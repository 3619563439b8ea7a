import type { Member } from "../network/private-networks.ts";
import type { VmRecords } from "../store/vm-records.ts";

/** VMs that were made to be in private networks. */
export function privateMembers(records: Pick<VmRecords, "list">): Member[] {
  return records.list().flatMap(({ id, name, spec: { networking } }) => {
    const networks = typeof networking === "object" ? networking.networks : [];
    return networks.length === 0 ? [] : [{ id, name, networks }];
  });
}
