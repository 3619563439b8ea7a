import type { WorkProgress } from "./create-progress.logic.ts";

const KEPT = 50;
const KEY = "bandsox-creations";
type Creations = Record<string, WorkProgress["stages"]>;

/** Keeps how long the parts of a creation took, for as long as this tab is open: the server does not keep it. */
export function rememberCreation(vmId: string, stages: WorkProgress["stages"]): void {
  const kept = Object.entries(creations()).slice(1 - KEPT);
  sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries([...kept, [vmId, stages]])));
}

/** How long the parts of a VM's creation took, if it was made in this tab. */
export function creationOf(vmId: string): WorkProgress["stages"] | undefined {
  return creations()[vmId];
}

function creations(): Creations {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Creations;
  } catch {
    return {}; // written by something else
  }
}
