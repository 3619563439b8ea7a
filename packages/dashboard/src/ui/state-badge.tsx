import type { VmState } from "@bandsox/contract";

const COLOURS: Record<VmState, string> = {
  creating: "blue",
  starting: "blue",
  running: "green",
  pausing: "amber",
  paused: "amber",
  resuming: "blue",
  restoring: "blue",
  stopping: "grey",
  stopped: "grey",
  failed: "red",
  deleting: "red",
};
const RESTING: readonly VmState[] = ["paused", "stopped", "failed"];

/** A VM's state, by colour and in words. */
export function StateBadge({ state }: { state: VmState }) {
  const isMoving = !RESTING.includes(state) && state !== "running";
  return (
    <span className={`state state-${COLOURS[state]}${isMoving ? " state-moving" : ""}`} data-state={state}>
      <span className="state-dot" />
      {state}
    </span>
  );
}
