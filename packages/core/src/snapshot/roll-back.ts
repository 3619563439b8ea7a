import { rename, rm } from "node:fs/promises";
import { BandSoxError, nextState, type VmId } from "@bandsox/contract";
import { copyDisk } from "../disk/copy-disk.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { forgetEnforced, keepLimits, renewedDeadline } from "../vm/limits.ts";
import { endVmm } from "../vm/release-vm.ts";
import type { StageOptions } from "../vm/stages.ts";
import { lockVm, type VmPorts } from "../vm/vm-ports.ts";
import { findSnapshot } from "./find-snapshot.ts";
import { assertUsable, goOn } from "./go-on.ts";
import { lockSnapshot } from "./lock-snapshot.ts";
import { makeWhole } from "./make-whole.ts";
import { savedIn } from "./restore-snapshot.ts";

/**
 * Makes a VM what it was when a snapshot of it was taken, memory and disk; it keeps its id and its name. What it has
 * done since is gone. If it cannot go on from there it is stopped, with the snapshot's disk.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `snapshot_not_found`, `snapshot_incompatible` also for a
 *   snapshot of another VM, `snapshot_damaged`, `vm_start_failed`, `disk_full`, `interrupted`
 */
export async function rollBack(
  ports: VmPorts,
  vmId: VmId,
  { snapshot: reference, ...options }: StageOptions & { readonly snapshot: string },
): Promise<VmRecord> {
  const { id: snapshotId } = findSnapshot(ports.snapshots, reference);
  using _snapshot = await lockSnapshot(ports, snapshotId, options.signal);
  using _vm = await lockVm(ports, vmId, options.signal);
  const record = ports.records.find(vmId);
  if (!record) throw new BandSoxError("vm_not_found", `there is no VM ${vmId}`, { vmId });
  const snapshot = findSnapshot(ports.snapshots, snapshotId);
  assertOf(record, snapshot.manifest.vmId, snapshotId);
  const restoring = nextState(vmId, record.state, "roll back");
  const engine = ports.engine(record.engine);
  await assertUsable(engine, savedIn(ports, snapshot));
  const saved = savedIn(ports, await makeWhole(ports, snapshot, options.signal));
  const { layerDisk } = vmPaths(ports.paths, vmId);
  const arriving = `${layerDisk}.new`;
  await rm(arriving, { force: true });
  await copyDisk(saved.files.layerDisk, arriving, options.signal); // what can fail, fails while the VM still runs
  options.signal?.throwIfAborted();
  ports.records.move(vmId, record.state, restoring);
  try {
    await endVmm(ports, engine, vmId);
    await rename(arriving, layerDisk);
    await forgetEnforced(ports, vmId);
    const deadline = renewedDeadline(ports, record);
    await keepLimits(ports, { ...record, deadline });
    const change = await goOn(ports, { engine, record, saved }, { onStage: options.onStage });
    const now = { ...change, snapshotId, failure: undefined, deadline, pausedBy: undefined };
    ports.records.move(vmId, restoring, nextState(vmId, restoring, "started"), now);
    return { ...record, state: "running", ...now };
  } catch (error) {
    await endVmm(ports, engine, vmId);
    ports.records.move(vmId, restoring, nextState(vmId, restoring, "abandon"), { snapshotId: undefined });
    throw error;
  }
}

function assertOf({ id, snapshotId: from }: VmRecord, of: VmId, snapshotId: string): void {
  if (of === id || from === snapshotId) return;
  const reason = `it is a snapshot of ${of}`;
  const message = `cannot roll ${id} back to ${snapshotId}: ${reason}; restore it into a VM of its own instead`;
  throw new BandSoxError("snapshot_incompatible", message, { snapshotId, reason });
}
