import { access, rm } from "node:fs/promises";
import { BandSoxError, type SnapshotId } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { type SnapshotPaths, vmPaths } from "../host/paths.ts";
import { shapeNic } from "../network/nic.ts";
import type { SnapshotManifest } from "../store/snapshot-records.ts";
import type { VmChange, VmRecord } from "../store/vm-records.ts";
import { diskLimitsOf } from "../vm/disk-limits.ts";
import { becomeClone } from "../vm/enter-machine.ts";
import { type StageOptions, timed } from "../vm/stages.ts";
import { connect, keepBootFiles } from "../vm/start-machine.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { isThere } from "./snapshot-files.ts";

/** A saved machine and where its files are. */
export interface Saved {
  readonly manifest: SnapshotManifest;
  readonly files: SnapshotPaths;
}

/**
 * Whether this host can go on from a save at all.
 *
 * @throws {BandSoxError} `snapshot_incompatible`, `snapshot_damaged`, `engine_unavailable`
 */
export async function assertUsable(engine: Engine, { manifest, files }: Saved): Promise<void> {
  engine.check();
  const { id: snapshotId, spec, bootFiles, shape } = manifest;
  const { vcpu, memMib } = spec;
  if (
    engine.shape({ vcpu, memMib, memoryFile: "", ...bootFiles, nic: shapeNic(spec.networking) }) !== shape
  ) {
    const reason = "it was taken with another version of the VMM, or on another processor";
    const message = `cannot go on from ${snapshotId}: ${reason}`;
    throw new BandSoxError("snapshot_incompatible", message, { snapshotId, reason });
  }
  // Of a difference that is just being made whole, the whole is there first.
  const isWhole = manifest.kind === "whole" || (await isThere(files.memory));
  const memory = isWhole ? [files.memory] : [files.memoryBase, files.memoryDiff];
  for (const path of [...memory, files.state, files.layerDisk, files.vmlinux, files.initramfs])
    await assertThere(path, snapshotId);
}

async function assertThere(path: string, snapshotId: SnapshotId): Promise<void> {
  await access(path).catch((cause: NodeJS.ErrnoException) => {
    const message = `cannot go on from ${snapshotId}: ${path} cannot be read (${cause.code})`;
    throw new BandSoxError("snapshot_damaged", message, { snapshotId, path }, { cause });
  });
}

export interface GoingOn {
  readonly engine: Engine;
  readonly record: VmRecord;
  readonly saved: Saved;
  /** What the VM's disk is made a copy of (default: it has been made) */
  readonly layerFrom?: string;
}

/**
 * Starts a VM's VMM where a save left off, over a copy of the save's disk, and tells its guest who it is now. The caller
 * holds the VM's lock, and ends what is left of the VMM when this throws.
 */
export async function goOn(
  ports: VmPorts,
  { engine, record, saved, layerFrom }: GoingOn,
  options: StageOptions,
): Promise<VmChange> {
  const { manifest, files } = saved;
  const paths = vmPaths(ports.paths, record.id);
  const baseDisk = await timed("disk", options, async () => {
    await keepBootFiles(paths, { vmlinuxPath: files.vmlinux, initramfsPath: files.initramfs });
    await rm(paths.exit, { force: true });
    return ports.images.ensureBaseDisk(manifest.imageDigest, { signal: options.signal });
  });
  ports.ledger.record({ owner: record.id, kind: "supervisor", locator: paths.supervisor });
  const { vcpu, memMib } = manifest.spec;
  const network = await connect(ports, record, options);
  const machine = {
    nic: network?.nic,
    ...{ vcpu, memMib, vmlinuxPath: paths.vmlinux, initramfsPath: paths.initramfs },
    ...{ memoryFile: files.memory, baseDisk, layerDisk: paths.layerDisk },
    diskLimits: diskLimitsOf(record.spec),
  };
  const request = {
    vmId: record.id,
    paths,
    machine,
    from: files,
    layerFrom,
    network: network?.service,
    signal: options.signal,
  };
  const vmm = await engine.boot(request);
  options.onStage?.("vmm", vmm.vmmMs);
  options.onStage?.("restore", vmm.guestMs);
  const { imageConfig } = manifest;
  const identity = { record, imageConfig, agentSocket: paths.agentSocket, connections: ports.connections };
  await timed("agent", options, () => becomeClone(identity, options.signal));
  return { bootFiles: manifest.bootFiles };
}
