import { BandSoxError, nextState, type VmId } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { wakeGuest } from "./enter-machine.ts";
import { forgetEnforced, keepLimits, renewedDeadline } from "./limits.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/**
 * Stops a VM's processors. It keeps its memory; nothing in it notices but the clock. Does nothing when it is paused.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `vm_control_failed`, `interrupted`
 */
export async function pauseVm(ports: VmPorts, id: VmId, signal?: AbortSignal): Promise<void> {
  using _lock = await lockVm(ports, id, signal);
  const record = existing(ports, id);
  const pausing = nextState(id, record.state, "pause");
  if (pausing === record.state) return;
  ports.records.move(id, record.state, pausing);
  await settlePause(ports, { ...record, state: pausing });
}

/** Lets a paused VM go on, with the right time. Does nothing when it runs. */
export async function resumeVm(ports: VmPorts, id: VmId, signal?: AbortSignal): Promise<void> {
  using _lock = await lockVm(ports, id, signal);
  const record = existing(ports, id);
  const resuming = nextState(id, record.state, "resume");
  if (resuming === record.state) return;
  const deadline = renewedDeadline(ports, record);
  ports.records.move(id, record.state, resuming, { deadline });
  await keepLimits(ports, { ...record, deadline });
  await settlePause(ports, { ...record, state: resuming });
}

/** Finishes what `pausing` and `resuming` say; also after the process that began it died. The lock is the caller's. */
export async function settlePause(ports: VmPorts, { id, state, engine: name }: VmRecord): Promise<void> {
  const engine = ports.engine(name);
  const paths = vmPaths(ports.paths, id);
  if (state === "pausing") {
    await engine.pause(paths).catch((error: unknown) => {
      ports.records.move(id, state, "running"); // as it was: the VMM refused
      throw error;
    });
    ports.records.move(id, state, nextState(id, state, "paused"));
    return;
  }
  await engine.resume(paths).catch((error: unknown) => {
    ports.records.move(id, state, "paused");
    throw error;
  });
  await forgetEnforced(ports, id);
  ports.records.move(id, state, nextState(id, state, "resumed"), { pausedBy: undefined });
  try {
    await wakeGuest(id, paths.agentSocket);
  } catch (error) {
    ports.warn(`${id} goes on, but was not told the time: ${error instanceof Error ? error.message : error}`);
  }
}

function existing(ports: VmPorts, id: VmId): VmRecord {
  const record = ports.records.find(id);
  if (record) return record;
  throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
}
