import type { SnapshotId } from "@bandsox/contract";
import type { VmPorts } from "../vm/vm-ports.ts";

/** Exclusive right to change one snapshot, or to begin going on from it, across processes. */
export function lockSnapshot(
  ports: Pick<VmPorts, "leases">,
  id: SnapshotId,
  signal?: AbortSignal,
): Promise<Disposable> {
  return ports.leases.acquire(`snapshot:${id}`, signal);
}
