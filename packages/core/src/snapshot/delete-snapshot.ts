import { BandSoxError, type VmId, type VmState } from "@bandsox/contract";
import { removeTree } from "../host/remove-tree.ts";
import type { SnapshotRecord } from "../store/snapshot-records.ts";
import type { VmRecords } from "../store/vm-records.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { findSnapshot } from "./find-snapshot.ts";
import { lockSnapshot } from "./lock-snapshot.ts";
import { storedSnapshot } from "./snapshot-files.ts";

/** The states in which no VMM of the VM is there. */
const WITHOUT_VMM: readonly VmState[] = ["stopped", "failed", "deleting"];

export interface DeleteSnapshotOptions {
  /** Delete it though VMs go on from it; they keep its pages as long as they run (default: `false`) */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The VMs whose memory is a mapping of a snapshot. */
export function clonesOf(records: Pick<VmRecords, "list">, { id }: Pick<SnapshotRecord, "id">): VmId[] {
  return records
    .list()
    .filter(({ snapshotId, state }) => snapshotId === id && !WITHOUT_VMM.includes(state))
    .map((vm) => vm.id);
}

/**
 * Deletes a snapshot.
 *
 * @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous`, `snapshot_in_use`, `interrupted`
 */
export async function deleteSnapshot(
  ports: VmPorts,
  reference: string,
  { force = false, signal }: DeleteSnapshotOptions = {},
): Promise<void> {
  const { id } = findSnapshot(ports.snapshots, reference);
  using _lock = await lockSnapshot(ports, id, signal);
  const snapshot = findSnapshot(ports.snapshots, id);
  const clones = clonesOf(ports.records, snapshot);
  if (clones.length > 0 && !force) {
    const message = `cannot delete ${id}: ${clones.join(", ")} ${clones.length > 1 ? "go" : "goes"} on from it`;
    throw new BandSoxError("snapshot_in_use", message, { snapshotId: id, clones });
  }
  const { dir } = storedSnapshot(ports.paths, id);
  ports.snapshots.forget(id, dir);
  await removeTree(dir);
  ports.ledger.strike({ kind: "directory", locator: dir });
}
