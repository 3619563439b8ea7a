import { isAnyBandSoxError, type SnapshotDetails, type SnapshotId } from "@bandsox/contract";
import type { SnapshotRecord } from "../store/snapshot-records.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { findSnapshot } from "./find-snapshot.ts";
import { assertUsable } from "./go-on.ts";
import { blockBytes, storedSnapshot } from "./snapshot-files.ts";
import { toSnapshotInfo } from "./snapshot-info.ts";

/** All that is known of a snapshot. @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous` */
export async function inspectSnapshot(ports: VmPorts, reference: string): Promise<SnapshotDetails> {
  const record = findSnapshot(ports.snapshots, reference);
  const all = ports.snapshots.list();
  return {
    ...toSnapshotInfo(ports, record),
    sizes: await sizesOf(ports, record),
    ancestors: ancestorsOf(all, record),
    children: all.filter(({ manifest }) => manifest.parent === record.id).map(({ id }) => id),
    compatibility: await compatibilityOf(ports, record),
  };
}

/** The chain of parents; each is known by its child, so it ends with the first that is gone. */
function ancestorsOf(all: readonly SnapshotRecord[], { id, manifest }: SnapshotRecord): SnapshotId[] {
  const chain: SnapshotId[] = [];
  const parents = new Map(all.map((one) => [one.id, one.manifest.parent]));
  for (let parent = manifest.parent; parent !== undefined; parent = parents.get(parent)) {
    if (parent === id || chain.includes(parent)) break; // an imported snapshot may claim anything
    chain.push(parent);
  }
  return chain;
}

async function sizesOf(
  { paths }: VmPorts,
  { id, manifest }: SnapshotRecord,
): Promise<SnapshotDetails["sizes"]> {
  const { memory, memoryDiff, state, layerDisk, vmlinux, initramfs } = storedSnapshot(paths, id);
  const bytes = (path: string) => blockBytes(path).catch(() => 0); // what is missing, `compatibility` tells
  const [kernel, agent] = [await bytes(vmlinux), await bytes(initramfs)];
  return {
    memory: await bytes(manifest.kind === "whole" ? memory : memoryDiff),
    devices: await bytes(state),
    disk: await bytes(layerDisk),
    kernel: kernel + agent,
  };
}

async function compatibilityOf(
  ports: VmPorts,
  { id, manifest }: SnapshotRecord,
): Promise<SnapshotDetails["compatibility"]> {
  const all = { class: `${manifest.engine}/${manifest.shape}` };
  try {
    await assertUsable(ports.engine(manifest.engine), { manifest, files: storedSnapshot(ports.paths, id) });
    return { ...all, here: true };
  } catch (error) {
    if (!isAnyBandSoxError(error)) throw error;
    return { ...all, here: false, reason: error.message };
  }
}
