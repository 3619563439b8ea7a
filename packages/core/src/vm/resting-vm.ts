import { access } from "node:fs/promises";
import { BandSoxError, type VmId, type VmState } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import type { VmPorts } from "./vm-ports.ts";

/** The states in which nobody writes to a VM's disks. */
const AT_REST: readonly VmState[] = ["stopped", "failed"];

/** A VM's row and the layer disk that nobody writes to. */
export interface RestingVm {
  readonly record: VmRecord;
  readonly layerDisk: string;
}

/**
 * A VM whose disks may be worked on; the caller holds its lock.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`
 */
export async function restingVm(
  ports: Pick<VmPorts, "records" | "paths">,
  id: VmId,
  purpose: string,
): Promise<RestingVm> {
  const record = ports.records.find(id);
  if (!record) throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
  const { layerDisk } = vmPaths(ports.paths, id);
  if (AT_REST.includes(record.state) && (await isThere(layerDisk))) return { record, layerDisk };
  const found = AT_REST.includes(record.state)
    ? `it ${record.state} before it had any`
    : `it is ${record.state}`;
  const details = { vmId: id, state: record.state, wanted: [...AT_REST] };
  throw new BandSoxError("vm_wrong_state", `cannot ${purpose} ${id}: ${found}`, details);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
