import { parseInput, RestoreSpec, type VmSpec } from "@bandsox/contract";
import type { z } from "zod";
import { cloneNetworking } from "../network/clone-networking.ts";
import type { SnapshotRecord } from "../store/snapshot-records.ts";
import type { VmChange, VmRecord } from "../store/vm-records.ts";
import { patchedLimits } from "../vm/limits.ts";
import { type MakeOptions, makeVm, makeVmDirectory } from "../vm/make-vm.ts";
import type { StageOptions } from "../vm/stages.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { findSnapshot } from "./find-snapshot.ts";
import { assertUsable, goOn, type Saved } from "./go-on.ts";
import { lockSnapshot } from "./lock-snapshot.ts";
import { makeWhole } from "./make-whole.ts";
import { storedSnapshot } from "./snapshot-files.ts";

export type RestoreOptions = z.input<typeof RestoreSpec> & MakeOptions & StageOptions;

/**
 * Makes a VM that goes on where a snapshot was taken, any number of times; all of it or nothing, see `makeVm`.
 *
 * @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous`, `snapshot_incompatible`, `snapshot_damaged`,
 *   `vm_name_taken`, `vm_start_failed`, `engine_unavailable`, `disk_full`, `interrupted`
 */
export async function restoreSnapshot(
  ports: VmPorts,
  reference: string,
  options: RestoreOptions = {},
): Promise<VmRecord> {
  const { id } = findSnapshot(ports.snapshots, reference);
  // A deletion waits until the new VM's row says that it goes on from here.
  const held = await lockSnapshot(ports, id, options.signal);
  using holding = new DisposableStack();
  holding.use(held);
  const found = findSnapshot(ports.snapshots, id);
  if (found.manifest.kind === "difference")
    // and not only made whole
    await assertUsable(ports.engine(found.manifest.engine), savedIn(ports, found));
  const saved = savedIn(ports, await makeWhole(ports, found, options.signal));
  const known = { snapshotId: id };
  return await makeClone(ports, saved, { options, known, onWritten: () => holding.dispose() });
}

/** A snapshot's machine and files. */
export function savedIn(ports: VmPorts, { id, manifest }: SnapshotRecord): Saved {
  return { manifest, files: storedSnapshot(ports.paths, id) };
}

export interface CloneParts {
  readonly options: RestoreOptions;
  readonly known: VmChange;
  /** Called once the VM is written down */
  readonly onWritten?: () => void;
}

/** Makes a VM of a save. */
export async function makeClone(
  ports: VmPorts,
  saved: Saved,
  { options, known, onWritten = () => {} }: CloneParts,
): Promise<VmRecord> {
  const { signal, ephemeral, onStage, ...input } = options;
  const wanted = parseInput(RestoreSpec, input, "VM");
  const { manifest, files } = saved;
  const engine = ports.engine(manifest.engine);
  await assertUsable(engine, saved);
  const { name: _name, ...spec } = manifest.spec;
  const { name, env: _env, metadata: _metadata, networking: _networking, ...limits } = wanted;
  const merged: VmSpec = {
    ...spec,
    ...(name === undefined ? {} : { name }),
    ...patchedLimits(spec, limits),
    env: wanted.env ?? spec.env,
    metadata: wanted.metadata ?? spec.metadata,
    networking: cloneNetworking(spec.networking, wanted.networking),
  };
  const { imageDigest, imageConfig } = manifest;
  const all = { ...known, imageDigest, imageConfig };
  return makeVm(ports, { engine, spec: merged, known: all }, { signal, ephemeral }, async (record) => {
    onWritten();
    await makeVmDirectory(ports, record);
    return goOn(ports, { engine, record, saved, layerFrom: files.layerDisk }, { signal, onStage });
  });
}
