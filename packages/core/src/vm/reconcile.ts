import { dirname } from "node:path";
import { BandSoxError, nextState, VmId, type VmState } from "@bandsox/contract";
import type { VmmExit } from "../engine/engine.ts";
import { terminateSupervisor } from "../engine/supervisor.ts";
import { vmmPaths, vmPaths } from "../host/paths.ts";
import { isAlive } from "../host/process-identity.ts";
import { removeTree } from "../host/remove-tree.ts";
import { ownerProcess, type Resource } from "../store/ledger.ts";
import type { VmRecord } from "../store/vm-records.ts";
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

function needsLook(ports: VmPorts, record: VmRecord): boolean {
  if (record.state === "stopped" || record.state === "failed") return false;
  if (record.state !== "running" && record.state !== "paused") return true;
  return ports.engine(record.engine).find(vmPaths(ports.paths, record.id)) === undefined;
}

/** The lock is ours, so whoever wrote a passing state is dead. */
async function mend(ports: VmPorts, record: VmRecord): Promise<void> {
  const { id, state } = record;
  const engine = ports.engine(record.engine);
  if (state === "deleting") {
    await releaseVm(ports, engine, id);
    forgetVm(ports, id);
    return;
  }
  if (state === "creating") {
    await releaseVm(ports, engine, id);
    const failure = "the process that was creating it died before it was ready";
    ports.records.move(id, state, nextState(id, state, "fail"), { failure });
    return;
  }
  if (state === "starting" || state === "restoring") {
    await endVmm(ports, engine, id);
    ports.records.move(id, state, nextState(id, state, "abandon"));
    return;
  }
  const isThere = engine.find(vmPaths(ports.paths, id)) !== undefined;
  if (isThere && (state === "pausing" || state === "resuming")) return settlePause(ports, record);
  const exit = engine.findExit(vmPaths(ports.paths, id));
  await endVmm(ports, engine, id);
  const ending = state === "stopping" ? { state: nextState(id, state, "exited") } : endingOf(record, exit);
  ports.records.move(
    id,
    state,
    ending.state,
    ending.failure === undefined ? {} : { failure: ending.failure },
  );
}

/** What a VM that ended unasked is: stopped when its guest powered it off, failed otherwise. */
export function endingOf(
  { id, state }: Pick<VmRecord, "id" | "state">,
  exit: VmmExit | undefined,
): { state: VmState; failure?: string } {
  if (exit?.exitCode === 0) return { state: nextState(id, state, "exited") };
  const failed = nextState(id, state, "fail");
  if (!exit)
    return {
      state: failed,
      failure: "its processes are gone without a record: killed, or the host restarted",
    };
  const how = exit.signal ? `was killed by ${exit.signal}` : `ended with code ${exit.exitCode}`;
  return { state: failed, failure: `its VMM ${how}${exit.reason ? `: ${exit.reason}` : ""}` };
}

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
