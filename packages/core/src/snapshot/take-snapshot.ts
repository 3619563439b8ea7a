import { join } from "node:path";
import { parseInput, SnapshotSpec, type VmId } from "@bandsox/contract";
import type { z } from "zod";
import { snapshotPaths } from "../host/paths.ts";
import { processOwner } from "../store/ledger.ts";
import type { SnapshotRecord } from "../store/snapshot-records.ts";
import { lockVm, type VmPorts } from "../vm/vm-ports.ts";
import { saveable, saveMachine } from "./save-machine.ts";
import { publishDirectory, storedSnapshot } from "./snapshot-files.ts";

export type SnapshotOptions = z.input<typeof SnapshotSpec> & { readonly signal?: AbortSignal | undefined };

/**
 * Saves a running or paused VM, which goes on. The snapshot is there whole when this resolves; if this process dies on
 * the way there is none, and what was written of it goes at the next reconcile.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `snapshots_unavailable`, `snapshot_name_taken`,
 *   `vm_control_failed`, `disk_full`, `interrupted`
 */
export async function takeSnapshot(
  ports: VmPorts,
  vmId: VmId,
  { signal, ...input }: SnapshotOptions = {},
): Promise<SnapshotRecord> {
  const { name, metadata, diff } = parseInput(SnapshotSpec, input, "snapshot");
  using _lock = await lockVm(ports, vmId, signal);
  const source = saveable(ports, vmId, "take a snapshot of");
  if (name !== undefined) ports.snapshots.assertNameFree(name);
  const id = ports.newSnapshotId();
  await using work = await ports.staging.open();
  const staged = snapshotPaths(join(work.dir, "snapshot"));
  const manifest = await saveMachine(ports, source, { id, into: staged, diff, signal });
  signal?.throwIfAborted();
  const stored = storedSnapshot(ports.paths, id);
  ports.ledger.record({ owner: processOwner(), kind: "directory", locator: stored.dir });
  await publishDirectory(staged.dir, stored.dir);
  const record = { id, name: name ?? id, metadata, manifest };
  ports.snapshots.insert(record, stored.dir);
  return record;
}
