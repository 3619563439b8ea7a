import type { BandSoxEvent } from "@bandsox/contract";

/** Which cached answers an event makes stale, as keys of queries. */
export function staleAfter({
  type,
  vmId,
}: Pick<BandSoxEvent, "type" | "vmId">): readonly (readonly string[])[] {
  const vm = vmId === undefined ? [] : [["vm", vmId]];
  const [noun] = type.split(".");
  if (noun === "snapshot") return [["snapshots"], ...vm];
  if (noun === "session") return vmId === undefined ? [] : [["sessions", vmId]];
  if (noun === "exec") return [];
  if (noun === "storage") return [["vms"], ["snapshots"], ["images"]];
  // The snapshots say which VMs go on from them, the images which stand on them.
  if (type === "vm.created" || type === "vm.deleted" || type === "vm.restored" || type === "vm.rolled_back")
    return [["vms"], ["snapshots"], ["images"], ...vm];
  return [["vms"], ...vm];
}
