import { BandSoxError, type VmId } from "@bandsox/contract";
import type { Refusals } from "./failure.ts";

const SHOWN_CHARACTERS = 1000;

/** What the guest says when it does not run a command. */
export function execRefusals(vmId: VmId, argv: readonly string[]): Refusals {
  const command = argv.join(" ").slice(0, SHOWN_CHARACTERS);
  return {
    exec_not_started: (why) =>
      new BandSoxError("exec_not_started", `cannot run the command in ${vmId}: ${why}`, { vmId, command }),
    exec_failed: (why) =>
      new BandSoxError("exec_failed", `cannot run the command in ${vmId}: ${why}`, { vmId, command }),
    exec_busy: (why) =>
      new BandSoxError("exec_busy", `cannot run another command in ${vmId}: ${why}`, { vmId }),
  };
}
