import type { EndCause, NewEvent, VmId, VmState } from "@bandsox/contract";

/** A VM's row, as far as it is told of. */
interface Moved {
  readonly id: VmId;
  readonly name: string;
  readonly state: VmState;
  readonly snapshotId?: string | undefined;
  readonly failure?: string | undefined;
  readonly pausedBy?: string | undefined;
}
type Told = NewEvent extends infer E ? (E extends NewEvent ? Pick<E, "type" | "details"> : never) : never;

/** What there is to tell of a VM that has come from one state into the one it is in; nothing of passing ones. */
export function eventOfMove(from: VmState, vm: Moved, cause?: EndCause): NewEvent | undefined {
  const told = from === vm.state ? undefined : tellOf(from, vm, cause);
  return told && ({ ...told, vmId: vm.id, vmName: vm.name } as NewEvent);
}

function tellOf(from: VmState, moved: Moved, cause: EndCause = "unknown"): Told | undefined {
  const { state, snapshotId, failure = "", pausedBy } = moved;
  if (from === "starting" && state !== "running") return { type: "vm.start_failed", details: {} };
  if (state === "running") return tellOfRunning(from, snapshotId);
  if (state === "paused") return { type: "vm.paused", details: pausedBy ? { cause: pausedBy } : {} };
  if (state === "failed") return { type: "vm.died", details: { cause, failure } };
  if (state !== "stopped") return undefined;
  if (from === "restoring") return { type: "vm.start_failed", details: {} };
  return { type: "vm.stopped", details: { cause } };
}

function tellOfRunning(from: VmState, snapshotId: string | undefined): Told | undefined {
  if (from === "pausing") return undefined; // it never stood still
  if (from === "resuming" || from === "paused") return { type: "vm.resumed", details: {} };
  if (snapshotId === undefined) return { type: "vm.started", details: {} };
  return { type: from === "creating" ? "vm.restored" : "vm.rolled_back", details: { snapshotId } };
}
