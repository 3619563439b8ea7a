import type { VmId, VmmStats } from "@bandsox/contract";
import { isBandSoxError } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import type { VmPorts } from "./vm-ports.ts";

/** A VM that runs, and what its VMM has counted of it. */
export interface MeasuredVm {
  readonly id: VmId;
  readonly name: string;
  readonly stats: VmmStats;
}

/** What a VM's VMM counts now; `undefined` where it counts nothing, or does something else just then. */
export async function measureVm(ports: VmPorts, id: VmId): Promise<VmmStats | undefined> {
  const record = ports.records.find(id);
  if (!record) return undefined;
  try {
    return await ports.engine(record.engine).measure(vmPaths(ports.paths, id), { fresh: true });
  } catch (error) {
    if (!isBandSoxError(error, "vm_control_failed")) throw error;
    return undefined;
  }
}

/** What the VMMs of all VMs that run have told last, at most a minute ago; nobody is asked. */
export async function measureVms(ports: VmPorts): Promise<MeasuredVm[]> {
  const measured: MeasuredVm[] = [];
  for (const { id, name, state, engine } of ports.records.list()) {
    if (state !== "running" && state !== "paused") continue;
    const stats = await ports.engine(engine).measure(vmPaths(ports.paths, id));
    if (stats) measured.push({ id, name, stats });
  }
  return measured;
}
