import { BandSoxError, isAnyBandSoxError, nextState, type VmId } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { endVmm, releaseVm } from "./release-vm.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** What the guest's processes get between SIGTERM and SIGKILL when nothing else is asked. */
const GRACE_MS = 2_000;
/** What a guest gets on top of that to sync, unmount and power off; an emulated one on a busy host is slow */
const POWER_OFF_MS = 10_000;

export interface StopOptions {
  /** Time the guest's processes get after SIGTERM, in ms (default: `2000`); `0` kills the VM at once */
  readonly graceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Stops a VM: asks the guest first, then ends the VMM. Its disk stays. Does nothing when it is stopped. */
export async function stopVm(ports: VmPorts, id: VmId, options: StopOptions = {}): Promise<void> {
  using _lock = await lockVm(ports, id, options.signal);
  const record = existing(ports, id);
  const stopping = nextState(id, record.state, "stop");
  if (stopping === record.state && record.state === "stopped") return;
  ports.records.move(id, record.state, stopping);
  const engine = ports.engine(record.engine);
  const graceMs = options.graceMs ?? GRACE_MS;
  if (graceMs > 0) await askGuest(ports, engine, { id, graceMs, signal: options.signal });
  await endVmm(ports, engine, id);
  ports.records.move(id, stopping, nextState(id, stopping, "exited"));
}

/** Deletes a VM in any state, with its disk. */
export async function deleteVm(ports: VmPorts, id: VmId, signal?: AbortSignal): Promise<void> {
  using _lock = await lockVm(ports, id, signal);
  const record = existing(ports, id);
  ports.records.move(id, record.state, nextState(id, record.state, "delete"));
  await releaseVm(ports, ports.engine(record.engine), id);
  ports.records.delete(id);
}

/** A guest that is gone, wedged or hostile does not keep its VM from being stopped. */
async function askGuest(
  ports: VmPorts,
  engine: Engine,
  { id, graceMs, signal }: { id: VmId; graceMs: number; signal: AbortSignal | undefined },
): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  await using guest = new GuestClient({ vmId: id, socketPath: paths.agentSocket });
  const limit = AbortSignal.any([AbortSignal.timeout(POWER_OFF_MS), ...(signal ? [signal] : [])]);
  try {
    await guest.powerOff(graceMs, limit);
  } catch (error) {
    if (isAnyBandSoxError(error)) return;
    throw error;
  }
  await engine.waitForExit(paths, graceMs + POWER_OFF_MS);
}

function existing(ports: VmPorts, id: VmId): VmRecord {
  const record = ports.records.find(id);
  if (record) return record;
  throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
}
