import { link, rm } from "node:fs/promises";
import { isAnyBandSoxError, type SnapshotKind } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { type SnapshotPaths, vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { blockBytes, storedSnapshot } from "./snapshot-files.ts";

/** What a base cannot be had for: its snapshot is deleted meanwhile, or it is elsewhere or has too many names. */
const NO_BASE = ["ENOENT", "EXDEV", "EMLINK", "EPERM", "EOPNOTSUPP"];

export interface KeptMemory {
  readonly vm: VmRecord;
  readonly engine: Engine;
  /** Where it is, whole */
  readonly files: SnapshotPaths;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Keeps a saved memory as a difference, where there is something to be different from and that takes less space. Its base
 * is a name of its own of a file that is never written: nobody has to be kept from deleting what the base comes from.
 *
 * @returns how it is kept
 * @throws {BandSoxError} `interrupted`
 */
export async function keepDifference(
  ports: VmPorts,
  { vm, engine, files, signal }: KeptMemory,
): Promise<SnapshotKind> {
  if (!(await takeBase(basesOf(ports, vm, engine), files.memoryBase))) return "whole";
  const isSmaller = (await written(ports, files, signal)) < (await blockBytes(files.memory));
  const superfluous = isSmaller ? [files.memory] : [files.memoryBase, files.memoryDiff];
  for (const path of superfluous) await rm(path, { force: true });
  return isSmaller ? "difference" : "whole";
}

/** @returns what the difference occupies, in bytes; one that cannot be written is not worth the snapshot */
async function written(ports: VmPorts, files: SnapshotPaths, signal?: AbortSignal): Promise<number> {
  try {
    const into = { base: files.memoryBase, difference: files.memoryDiff };
    await ports.differences.write(files.memory, into, { signal });
    return await blockBytes(files.memoryDiff);
  } catch (error) {
    if (!isAnyBandSoxError(error) || error.code === "interrupted") throw error;
    ports.warn(`${error.message}; keeping the snapshot whole`);
    return Number.POSITIVE_INFINITY;
  }
}

/** Memories that a VM's is likely to have much in common with, the likeliest first. Any of its size would do. */
function basesOf({ snapshots, paths }: VmPorts, vm: VmRecord, engine: Engine): string[] {
  const last = snapshots.list().find(({ id, manifest }) => manifest.vmId === vm.id || id === vm.snapshotId);
  const mapped = engine.mappedFile(vmPaths(paths, vm.id));
  const files = last && storedSnapshot(paths, last.id);
  return [...(files ? [files.memory, files.memoryBase] : []), ...(mapped === undefined ? [] : [mapped])];
}

async function takeBase(bases: readonly string[], name: string): Promise<boolean> {
  for (const base of bases) {
    try {
      await link(base, name);
      return true;
    } catch (error) {
      if (!NO_BASE.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return false;
}
