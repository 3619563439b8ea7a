import { rename, rm, writeFile } from "node:fs/promises";
import { BandSoxError, type LimitsPatch, type VmId, type VmSpec } from "@bandsox/contract";
import { control } from "../engine/control.ts";
import { deadlineIn, msUntil } from "../host/moment.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** What an idle guest uses of one processor stays below this, unless it is emulated on a host that is very busy */
export const IDLE_CPU_PERCENT = 8;

/** What is done when nothing else is asked for */
export const ON_TIMEOUT = "stop";
export const ON_IDLE = "pause";

/**
 * Tells the VM's supervisor, which enforces them, how long the VM may run and be idle; one that is yet to be started
 * reads it then. The caller holds the VM's lock.
 */
export async function keepLimits(ports: VmPorts, { id, spec, deadline }: VmRecord): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  const limits = {
    ...(deadline === undefined
      ? {}
      : { expiresAtMs: deadline.atMs, expiresUptimeMs: deadline.uptimeMs, bootId: deadline.bootId }),
    onTimeout: spec.onTimeout ?? ON_TIMEOUT,
    ...(spec.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: spec.idleTimeoutMs }),
    ...{ onIdle: spec.onIdle ?? ON_IDLE, idleCpuPercent: spec.idleCpuPercent ?? IDLE_CPU_PERCENT },
  };
  const next = `${paths.limits}.next`;
  await writeFile(next, JSON.stringify(limits), { mode: 0o600 });
  await rename(next, paths.limits);
}

/** Has a VM whose time is over as much time again; one with time left keeps its deadline. */
export function renewedDeadline(ports: VmPorts, { spec, deadline }: VmRecord): VmRecord["deadline"] {
  if (spec.timeoutMs === undefined) return undefined;
  const now = ports.moment();
  return deadline && msUntil(deadline, now) > 0 ? deadline : deadlineIn(spec.timeoutMs, now);
}

/** What was done because of limits in an earlier run says nothing of this one. */
export async function forgetEnforced(ports: VmPorts, id: VmId): Promise<void> {
  await rm(vmPaths(ports.paths, id).enforced, { force: true });
}

/**
 * Has other limits for a VM from now on, in any state. What is lifted or set anew counts from now.
 *
 * @throws {BandSoxError} `vm_not_found`, `interrupted`
 */
export async function setLimits(
  ports: VmPorts,
  id: VmId,
  { patch, signal }: { patch: LimitsPatch; signal?: AbortSignal | undefined },
): Promise<void> {
  using _lock = await lockVm(ports, id, signal);
  const record = ports.records.find(id);
  if (!record) throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
  const limits = patchedLimits(record.spec, patch);
  const isNew = patch.timeoutMs !== undefined;
  const counted = limits.timeoutMs === undefined ? undefined : deadlineIn(limits.timeoutMs, ports.moment());
  const deadline = isNew ? counted : record.deadline;
  ports.records.setLimits(id, limits, deadline);
  if (!hasVmm(record)) return;
  await tellLimits(ports, { ...record, spec: { ...record.spec, ...limits }, deadline });
}

/** The limits a VM has when a patch is applied to those it had. */
export function patchedLimits(spec: VmSpec, patch: LimitsPatch) {
  return {
    timeoutMs: patched(spec.timeoutMs, patch.timeoutMs),
    idleTimeoutMs: patched(spec.idleTimeoutMs, patch.idleTimeoutMs),
    onTimeout: patch.onTimeout ?? spec.onTimeout,
    onIdle: patch.onIdle ?? spec.onIdle,
    idleCpuPercent: patch.idleCpuPercent ?? spec.idleCpuPercent,
  };
}

function patched(before: number | undefined, change: number | null | undefined): number | undefined {
  return change === null ? undefined : (change ?? before);
}

/** Tells the supervisor of a VM that runs already. The caller holds the VM's lock. */
export async function tellLimits(ports: VmPorts, record: VmRecord): Promise<void> {
  await keepLimits(ports, record);
  // Without it the supervisor sees the file some seconds later.
  await control(vmPaths(ports.paths, record.id), { action: "limits" }).catch(() => undefined);
}

function hasVmm({ state }: VmRecord): boolean {
  return state !== "stopped" && state !== "failed" && state !== "deleting";
}
