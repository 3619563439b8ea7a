import { dirname } from "node:path";
import { BandSoxError, type EndCause, nextState, VmId } from "@bandsox/contract";
import { findEnforced } from "../engine/end-records.ts";
import { terminateSupervisor } from "../engine/supervisor.ts";
import { msUntil } from "../host/moment.ts";
import { vmmPaths, vmPaths } from "../host/paths.ts";
import { isAlive } from "../host/process-identity.ts";
import { removeTree } from "../host/remove-tree.ts";
import { settlePooled } from "../pool/reconcile-pools.ts";
import { ownerProcess, type Resource } from "../store/ledger.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { describeEnd } from "./describe-end.ts";
import { settlePause } from "./pause-vm.ts";
import { endVmm, forgetVm, releaseVm } from "./release-vm.ts";
import { type VmPorts, vmKey } from "./vm-ports.ts";

/**
 * Makes the database true and the host clean: finishes what a dead process had begun, notes which VMs ended by
 * themselves and why, and removes what nobody owns. VMs that another living process is working on are left to it.
 * What cannot be settled now keeps its entries for the next time and is warned of; the rest goes on.
 *
 * @throws {BandSoxError} `interrupted`
 */
export async function reconcile(ports: VmPorts, signal?: AbortSignal): Promise<void> {
  for (const record of ports.records.list())
    await each(ports, { what: `the VM ${record.id}`, signal }, () => settle(ports, record));
  for (const vm of ports.pools.vms())
    await each(ports, { what: `the VM ${vm.id} of a pool`, signal }, () => settlePooled(ports, vm));
  const isConnectable = (id: VmId) => {
    if (ports.pools.findVm(id)) return true;
    const state = ports.records.find(id)?.state;
    return state !== undefined && state !== "stopped" && state !== "failed";
  };
  await each(ports, { what: "the networks of VMs", signal }, () => ports.networks.reconcile(isConnectable));
  // A supervisor signs in the directory that is recorded before it, so it goes first.
  const left = ports.ledger.list();
  const supervisors = left.filter(({ kind }) => kind === "supervisor");
  const others = left.filter(({ kind }) => kind !== "supervisor");
  for (const resource of [...supervisors, ...others])
    await each(ports, { what: resource.locator, signal }, () => reclaim(ports, resource));
}

async function each(
  ports: VmPorts,
  { what, signal }: { what: string; signal: AbortSignal | undefined },
  work: () => Promise<unknown>,
): Promise<void> {
  if (signal?.aborted)
    throw new BandSoxError("interrupted", "interrupted while looking after the storage", {});
  try {
    await work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    ports.warn(`could not look after ${what}, it will be tried again: ${why}`);
  }
}

/** Makes one VM's row true. @returns the row as it is afterwards, or `undefined` when the VM is gone */
export async function settle(ports: VmPorts, record: VmRecord): Promise<VmRecord | undefined> {
  if (!needsLook(ports, record)) return record;
  using lock = ports.leases.tryAcquire(vmKey(record.id));
  if (!lock) return ports.records.find(record.id);
  const current = ports.records.find(record.id);
  if (current && needsLook(ports, current)) await mend(ports, current);
  return ports.records.find(record.id);
}

/** Whether a VM's row may be other than what is. */
export function needsLook(ports: VmPorts, record: VmRecord): boolean {
  const { state } = record;
  if (state === "stopped" || state === "failed") return isOverdue(ports, record);
  if (state !== "running" && state !== "paused") return true;
  const paths = vmPaths(ports.paths, record.id);
  if (ports.engine(record.engine).find(paths) === undefined) return true;
  return state === "running" && findEnforced(paths)?.action === "pause";
}

/** A VM without a supervisor that is to be deleted when its time is over, which it is. */
function isOverdue(ports: VmPorts, { spec, deadline }: VmRecord): boolean {
  return spec.onTimeout === "delete" && deadline !== undefined && msUntil(deadline, ports.moment()) <= 0;
}

/** The lock is ours, so whoever wrote a passing state is dead. */
async function mend(ports: VmPorts, record: VmRecord): Promise<void> {
  const { id, state } = record;
  const engine = ports.engine(record.engine);
  if (state === "deleting" || state === "stopped" || state === "failed") return remove(ports, record);
  if (state === "creating") {
    const end = describeEnd(ports, record, "create_failed");
    await releaseVm(ports, engine, id);
    ports.records.move(id, state, nextState(id, state, "fail"), { end, failure: end.summary });
    return;
  }
  if (state === "starting" || state === "restoring") {
    await endVmm(ports, engine, id);
    ports.records.move(id, state, nextState(id, state, "abandon"));
    return;
  }
  const paths = vmPaths(ports.paths, id);
  if (engine.find(paths) === undefined) return noteEnd(ports, record);
  if (state === "running") return notePause(ports, record);
  if (state === "pausing" || state === "resuming") return settlePause(ports, record);
  await endVmm(ports, engine, id);
  const end = describeEnd(ports, record, "stopped");
  ports.records.move(id, state, nextState(id, state, "exited"), { end, pausedBy: undefined });
}

async function remove(ports: VmPorts, { id, state, engine }: VmRecord): Promise<void> {
  ports.records.move(id, state, nextState(id, state, "delete"));
  await releaseVm(ports, ports.engine(engine), id);
  forgetVm(ports, id);
}

/** Notes that the supervisor has paused a VM because of its limits. */
function notePause(ports: VmPorts, { id, state }: VmRecord): void {
  const enforced = findEnforced(vmPaths(ports.paths, id));
  const paused = nextState(id, nextState(id, state, "pause"), "paused");
  ports.records.move(id, state, paused, { pausedBy: enforced?.cause });
}

/** Notes how a VM has ended: stopped when its guest powered it off or its limits say so, failed otherwise. */
async function noteEnd(ports: VmPorts, record: VmRecord): Promise<void> {
  const { id, state } = record;
  const end = describeEnd(ports, record, state === "stopping" ? "stopped" : undefined);
  const isDeleted = findEnforced(vmPaths(ports.paths, id))?.action === "delete";
  await endVmm(ports, ports.engine(record.engine), id);
  if (isDeleted) {
    ports.records.move(id, state, nextState(id, state, "delete"), { end });
    return remove(ports, { ...record, state: "deleting" });
  }
  const isWell = ENDED_WELL.includes(end.cause);
  const failure = isWell ? {} : { failure: end.summary };
  const ended = nextState(id, state, isWell ? "exited" : "fail");
  ports.records.move(id, state, ended, { end, pausedBy: undefined, ...failure });
}

const ENDED_WELL: readonly EndCause[] = ["stopped", "powered_off", "timeout", "idle"];

/** Removes what a dead process of ours left. A VM's is not: its row, which outlives it, is settled instead. */
async function reclaim(ports: VmPorts, resource: Resource): Promise<void> {
  const process = ownerProcess(resource);
  if (!process) return; // a VM's: its row, which outlives its resources, was settled above
  if (isAlive(process)) return;
  if (resource.kind === "vm") return removeOrphan(ports, VmId.parse(resource.locator));
  if (resource.kind === "supervisor") await terminateSupervisor(vmmPaths(dirname(resource.locator)));
  if (resource.kind === "directory") await removeTree(resource.locator);
  ports.ledger.strike(resource);
}

/** Deletes a VM that was to end with a process that is dead, unless somebody is at work on it. */
async function removeOrphan(ports: VmPorts, id: VmId): Promise<void> {
  using lock = ports.leases.tryAcquire(vmKey(id));
  if (!lock) return;
  const record = ports.records.find(id);
  if (record) {
    ports.records.move(id, record.state, nextState(id, record.state, "delete"));
    await releaseVm(ports, ports.engine(record.engine), id);
  }
  forgetVm(ports, id);
}
