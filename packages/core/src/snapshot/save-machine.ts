import { mkdir, writeFile } from "node:fs/promises";
import { BandSoxError, type SnapshotId, type VmId, type VmState } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { type SnapshotPaths, vmPaths } from "../host/paths.ts";
import type { ImageConfig } from "../image/image-config.ts";
import { shapeNic } from "../network/nic.ts";
import type { SnapshotManifest } from "../store/snapshot-records.ts";
import { assertSound, type BootFilePaths, type VmRecord } from "../store/vm-records.ts";
import { replaceLink } from "../vm/start-machine.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { keepDifference } from "./keep-difference.ts";
import { manifestText } from "./make-whole.ts";
import { occupiedBytes } from "./snapshot-files.ts";

const SAVEABLE: readonly VmState[] = ["running", "paused"];

/** A VM that can be saved, with all that a save is described by. */
export interface SaveableVm extends VmRecord {
  readonly imageDigest: string;
  readonly imageConfig: ImageConfig;
  readonly bootFiles: BootFilePaths;
}

/**
 * A VM whose machine is there to be saved. The caller holds its lock.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `snapshots_unavailable`
 */
export function saveable(ports: VmPorts, id: VmId, purpose: string): { vm: SaveableVm; engine: Engine } {
  const record = ports.records.find(id);
  if (!record) throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
  assertSound(record, purpose);
  const engine = ports.engine(record.engine);
  if (!engine.capabilities.snapshots) {
    const message = `cannot ${purpose} ${id}: the engine ${engine.name} cannot save machines`;
    throw new BandSoxError("snapshots_unavailable", message, { engine: engine.name });
  }
  const { imageDigest, imageConfig, bootFiles } = record;
  if (SAVEABLE.includes(record.state) && imageDigest && imageConfig && bootFiles)
    return { vm: { ...record, imageDigest, imageConfig, bootFiles }, engine };
  const details = { vmId: id, state: record.state, wanted: [...SAVEABLE] };
  const found = SAVEABLE.includes(record.state) ? "it was made by an older version" : `it is ${record.state}`;
  throw new BandSoxError("vm_wrong_state", `cannot ${purpose} ${id}: ${found}`, details);
}

export interface SaveOptions {
  readonly id: SnapshotId;
  readonly into: SnapshotPaths;
  /** Whether the memory is kept as a difference, where it can be (default: `false`) */
  readonly diff?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Writes a VM's machine, its disk and what both need into a directory, all of one moment. */
export async function saveMachine(
  ports: VmPorts,
  { vm, engine }: { vm: SaveableVm; engine: Engine },
  { id, into, diff = false, signal }: SaveOptions,
): Promise<SnapshotManifest> {
  const paths = vmPaths(ports.paths, vm.id);
  await mkdir(into.dir, { mode: 0o700 });
  await replaceLink(paths.vmlinux, into.vmlinux);
  await replaceLink(paths.initramfs, into.initramfs);
  const { pausedMs } = await engine.save(paths, into);
  const kind = diff ? await keepDifference(ports, { vm, engine, files: into, signal }) : "whole";
  const { vcpu, memMib } = vm.spec;
  const manifest: SnapshotManifest = {
    ...{ format: 1, id, vmId: vm.id, vmName: vm.name, spec: vm.spec, engine: engine.name, pausedMs },
    ...(vm.snapshotId === undefined ? {} : { parent: vm.snapshotId }),
    shape: engine.shape({ vcpu, memMib, memoryFile: "", ...vm.bootFiles, nic: shapeNic(vm.spec.networking) }),
    ...{ bootFiles: vm.bootFiles, imageDigest: vm.imageDigest, imageConfig: vm.imageConfig },
    ...{ kind, sizeBytes: await occupiedBytes(into.dir) },
    createdAt: ports.now().toISOString(),
  };
  await writeFile(into.manifest, manifestText(manifest));
  return manifest;
}
