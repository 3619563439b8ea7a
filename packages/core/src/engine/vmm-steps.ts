import { channel } from "node:diagnostics_channel";

/**
 * Name of the diagnostics channel that is told each step a VMM makes until its guest answers: `VmmStep`. What is left of the
 * time a VM took to come up is ours.
 */
export const VMM_STEPS = "bandsox.vmm-steps";

/** One step, made by others while we wait. */
export interface VmmStep {
  readonly vmId: string;
  /** `start`: from its process's start until it takes requests; `guest`: from the last answer until the agent answers; a request */
  readonly step: "start" | "guest" | `${string} /${string}`;
  readonly ms: number;
}

const steps = channel(VMM_STEPS);

/** Tells whoever measures; costs nothing where nobody does. */
export function tellStep(step: VmmStep): void {
  if (steps.hasSubscribers) steps.publish(step);
}
