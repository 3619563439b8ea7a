import type { SnapshotInfo } from "@bandsox/contract";
import type { SnapshotRecord } from "../store/snapshot-records.ts";
import type { VmPorts } from "../vm/vm-ports.ts";
import { clonesOf } from "./delete-snapshot.ts";

/** What a user sees of a snapshot. */
export function toSnapshotInfo({ records }: Pick<VmPorts, "records">, record: SnapshotRecord): SnapshotInfo {
  const { id, name, metadata, manifest } = record;
  const { vmId, vmName, parent, spec, engine, imageDigest, kind, sizeBytes, pausedMs, createdAt } = manifest;
  const { image, vcpu, memMib, diskSizeMib, env } = spec;
  return {
    ...{ id, name, vmId, vmName, image, imageDigest, engine, vcpu, memMib, diskSizeMib, env, metadata },
    ...(parent === undefined ? {} : { parent }),
    ...{ kind, sizeBytes, pausedMs, createdAt, clones: clonesOf(records, record) },
  };
}
