import type { VmState } from "@bandsox/contract";
import { MOVES } from "@bandsox/contract/wire";

/** What a person can do with a VM. */
export type VmVerb =
  | "start"
  | "stop"
  | "restart"
  | "pause"
  | "resume"
  | "snapshot"
  | "fork"
  | "roll back"
  | "rename"
  | "delete";

const ALIVE: readonly VmState[] = ["running", "paused"];

/** Whether a verb does something to a VM in a state, as the table of moves has it. */
export function canDo(verb: VmVerb, state: VmState): boolean {
  if (verb === "rename") return state !== "deleting";
  if (verb === "snapshot" || verb === "fork") return ALIVE.includes(state);
  if (verb === "restart") return ALIVE.includes(state);
  const row: Partial<Record<string, VmState>> = MOVES[state];
  const to = row[verb];
  return to !== undefined && to !== state;
}

/** The ids of those VMs to which a verb does something. */
export function idsAllowing<T extends { readonly id: string; readonly state: VmState }>(
  vms: readonly T[],
  verb: VmVerb,
): string[] {
  return vms.filter(({ state }) => canDo(verb, state)).map(({ id }) => id);
}
