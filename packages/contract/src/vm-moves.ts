/** The life of a VM as data; loads no schema library, so that browsers can have it alone. */

/**
 * Where a VM is in its life. The states that end in `-ing` beside `running` are passing: they are written before their
 * effect, so a reader after a crash knows what was meant.
 */
export const VM_STATES = [
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
] as const;
type State = (typeof VM_STATES)[number];

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
} as const satisfies Record<State, Partial<Record<string, State>>>;

type Union<T> = T extends unknown ? keyof T : never;
/** What can happen to a VM. */
export type VmAction = Union<(typeof MOVES)[State]>;
