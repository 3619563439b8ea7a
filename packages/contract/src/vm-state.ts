import { z } from "zod";
import { BandSoxError } from "./errors.ts";
import { MOVES, VM_STATES, type VmAction } from "./vm-moves.ts";

export { MOVES, type VmAction };

/** Where a VM is in its life; see `VM_STATES`. */
export const VmState = z.enum(VM_STATES);
export type VmState = z.infer<typeof VmState>;

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
