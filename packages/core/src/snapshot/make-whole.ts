import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError, isBandSoxError } from "@bandsox/contract";
import type { SnapshotPaths } from "../host/paths.ts";
import type { SnapshotManifest, SnapshotRecord } from "../store/snapshot-records.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { isThere, occupiedBytes, storedSnapshot } from "./snapshot-files.ts";

/**
 * Makes the memory of a snapshot whole if it is kept as a difference: machines that go on from it map it. The caller holds
 * the snapshot's lock. Wherever this breaks off, the memory is there in one form or in both, and the next call goes on.
 *
 * @returns the snapshot as it is now
 * @throws {BandSoxError} `snapshot_damaged`, `disk_full`, `interrupted`
 */
export async function makeWhole(
  ports: VmPorts,
  snapshot: SnapshotRecord,
  signal?: AbortSignal,
): Promise<SnapshotRecord> {
  if (snapshot.manifest.kind === "whole") return snapshot;
  const files = storedSnapshot(ports.paths, snapshot.id);
  await using work = await ports.staging.open();
  if (!(await isThere(files.memory))) {
    const memory = join(work.dir, "memory");
    await apply(ports, { snapshot, files, memory }, signal);
    await work.publish(memory, files.memory);
  }
  await rm(files.memoryDiff, { force: true });
  await rm(files.memoryBase, { force: true });
  const manifest: SnapshotManifest = {
    ...snapshot.manifest,
    kind: "whole",
    sizeBytes: await occupiedBytes(files.dir),
  };
  const written = join(work.dir, "manifest.json");
  await writeFile(written, manifestText(manifest));
  await work.publish(written, files.manifest);
  ports.snapshots.setManifest(snapshot.id, manifest);
  return { ...snapshot, manifest };
}

/** A manifest as it is written into a snapshot's directory. */
export function manifestText(manifest: SnapshotManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

interface Applied {
  readonly snapshot: SnapshotRecord;
  readonly files: SnapshotPaths;
  readonly memory: string;
}

async function apply(
  ports: VmPorts,
  { snapshot, files, memory }: Applied,
  signal?: AbortSignal,
): Promise<void> {
  const from = { base: files.memoryBase, difference: files.memoryDiff };
  for (const path of [from.base, from.difference])
    if (!(await isThere(path))) throw damaged(snapshot, `${path} is not there`);
  try {
    await ports.differences.apply(from, memory, { signal });
  } catch (error) {
    if (isBandSoxError(error, "snapshot_invalid")) throw damaged(snapshot, error.message, error);
    throw error;
  }
}

function damaged({ id }: SnapshotRecord, why: string, cause?: unknown): BandSoxError {
  const path = `snapshots/${id}`;
  return new BandSoxError(
    "snapshot_damaged",
    `cannot go on from ${id}: ${why}`,
    { snapshotId: id, path },
    { cause },
  );
}
