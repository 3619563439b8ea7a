import { BandSoxError, isAnyBandSoxError, nextState, parseInput, type VmId } from "@bandsox/contract";
import { z } from "zod";
import type { Engine } from "../engine/engine.ts";
import { GuestClient } from "../guest/guest-client.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { describeEnd } from "./describe-end.ts";
import { endVmm, forgetVm, releaseVm } from "./release-vm.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** What the guest's processes get between SIGTERM and SIGKILL when nothing else is asked. */
const GRACE_MS = 2_000;
const GRACE_MAX_MS = 300_000;
/** What a guest gets on top of that to sync, unmount and power off; an emulated one on a busy host is slow */
const POWER_OFF_MS = 10_000;

export interface StopOptions {
  /** Time the guest's processes get after SIGTERM, in ms (default: `2000`, at most `300000`); `0` kills the VM at once */
  readonly graceMs?: number | undefined;
  /** Interrupts the call while it waits for its turn; once the VM is being stopped, it is stopped */
  readonly signal?: AbortSignal | undefined;
}

export interface DeleteOptions {
  /** Interrupts the call while it waits for its turn; once the VM is being deleted, it is deleted */
  readonly signal?: AbortSignal | undefined;
}

const Grace = z.object({
  graceMs: z
    .int("graceMs is a whole number")
    .min(0, "graceMs is not negative")
    .max(GRACE_MAX_MS, `graceMs is at most ${GRACE_MAX_MS}`)
    .default(GRACE_MS),
});

/**
 * Stops a VM: asks the guest first, then ends the VMM. Its disk stays. Does nothing when it is stopped.
 *
 * @throws {BandSoxError} `invalid_argument`, `vm_not_found`, `vm_wrong_state`, `interrupted`
 */
export async function stopVm(ports: VmPorts, id: VmId, options: StopOptions = {}): Promise<void> {
  const { signal, ...rest } = options;
  const { graceMs } = parseInput(Grace, rest, "stop");
  using _lock = await lockVm(ports, id, signal);
  const record = existing(ports, id);
  const stopping = nextState(id, record.state, "stop");
  if (stopping === record.state && record.state === "stopped") return;
  const engine = ports.engine(record.engine);
  assertWanted(signal, `stopping ${id}`);
  ports.records.move(id, record.state, stopping);
  if (graceMs > 0) {
    if (record.state === "paused") await engine.resume(vmPaths(ports.paths, id)).catch(() => {}); // or it is ended as it is
    await askGuest(ports, engine, { id, graceMs });
  }
  await endVmm(ports, engine, id);
  const change = { end: describeEnd(ports, record, "stopped"), pausedBy: undefined };
  ports.records.move(id, stopping, nextState(id, stopping, "exited"), change);
}

/**
 * Deletes a VM in any state, with its disk.
 *
 * @throws {BandSoxError} `vm_not_found`, `interrupted`
 */
export async function deleteVm(ports: VmPorts, id: VmId, { signal }: DeleteOptions = {}): Promise<void> {
  using _lock = await lockVm(ports, id, signal);
  const record = existing(ports, id);
  const engine = ports.engine(record.engine);
  assertWanted(signal, `deleting ${id}`);
  // How it ended by itself before is more worth knowing than that it was deleted then.
  const end = hasVmm(record) ? { end: describeEnd(ports, record, "deleted") } : {};
  ports.records.move(id, record.state, nextState(id, record.state, "delete"), end);
  await releaseVm(ports, engine, id);
  forgetVm(ports, id);
}

/** Up to the first move nothing has changed; from there on only going through leaves the VM in a lasting state. */
function assertWanted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new BandSoxError("interrupted", `interrupted before ${what}`, {});
}

/**
 * A guest that is gone, wedged or hostile does not keep its VM from being stopped: it has its time, which nothing
 * cuts short, since a guest ended half-way has not synced its disk.
 */
async function askGuest(
  ports: VmPorts,
  engine: Engine,
  { id, graceMs }: { id: VmId; graceMs: number },
): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  await using guest = new GuestClient({ vmId: id, socketPath: paths.agentSocket });
  try {
    await guest.powerOff(graceMs, AbortSignal.timeout(POWER_OFF_MS));
  } catch (error) {
    if (isAnyBandSoxError(error)) return;
    throw error;
  }
  await engine.waitForExit(paths, graceMs + POWER_OFF_MS);
}

function hasVmm({ state }: VmRecord): boolean {
  return state !== "stopped" && state !== "failed" && state !== "deleting";
}

function existing(ports: VmPorts, id: VmId): VmRecord {
  const record = ports.records.find(id);
  if (record) return record;
  throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
}
