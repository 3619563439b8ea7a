import { z } from "zod";
import { BandSoxError } from "./errors.ts";

/**
 * Where a VM is in its life. The states that end in `-ing` beside `running` are passing: they are written before their
 * effect, so a reader after a crash knows what was meant.
 */
export const VmState = z.enum([
  "creating",
  "starting",
  "running",
  "pausing",
  "paused",
  "resuming",
  "restoring",
  "stopping",
  "stopped",
  "failed",
  "deleting",
]);
export type VmState = z.infer<typeof VmState>;

/** Legal moves of a VM. Read a row as: "from this state, this action leads to that state". */
export const MOVES = {
  creating: { started: "running", fail: "failed", delete: "deleting" },
  starting: { started: "running", abandon: "stopped", delete: "deleting" },
  running: {
    ...{ pause: "pausing", resume: "running", "roll back": "restoring", stop: "stopping" },
    ...{ exited: "stopped", fail: "failed", delete: "deleting" },
  },
  pausing: { paused: "paused", exited: "stopped", fail: "failed", delete: "deleting" },
  paused: {
    ...{ pause: "paused", resume: "resuming", "roll back": "restoring", stop: "stopping" },
    ...{ exited: "stopped", fail: "failed", delete: "deleting" },
  },
  resuming: { resumed: "running", exited: "stopped", fail: "failed", delete: "deleting" },
  restoring: { started: "running", abandon: "stopped", delete: "deleting" },
  stopping: { stop: "stopping", exited: "stopped", fail: "failed", delete: "deleting" },
  stopped: { start: "starting", "roll back": "restoring", stop: "stopped", delete: "deleting" },
  failed: { start: "starting", "roll back": "restoring", delete: "deleting" },
  deleting: { delete: "deleting" },
} as const satisfies Record<VmState, Partial<Record<string, VmState>>>;

type Union<T> = T extends unknown ? keyof T : never;
/** What can happen to a VM. */
export type VmAction = Union<(typeof MOVES)[VmState]>;

/** Returns the state after `action`. @throws {BandSoxError} `vm_wrong_state`, listing where it would be legal */
export function nextState(vmId: string, from: VmState, action: VmAction): VmState {
  const row: Partial<Record<VmAction, VmState>> = MOVES[from];
  const to = row[action];
  if (to) return to;
  const wanted = statesAllowing(action);
  const where = wanted.length > 1 ? `one of ${wanted.join(", ")}` : (wanted[0] ?? "no state");
  throw new BandSoxError("vm_wrong_state", `cannot ${action} ${vmId}: it is ${from}, not ${where}`, {
    vmId,
    state: from,
    wanted,
  });
}

/** The states in which `action` is legal. */
export function statesAllowing(action: VmAction): VmState[] {
  return VmState.options.filter((state) => action in MOVES[state]);
}
