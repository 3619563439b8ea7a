import { whyNoSlots } from "../network/may-connect.ts";
import type { DoctorCheck } from "./doctor-check.ts";

/** Reports whether VMs can have networks here, as far as can be told by looking. */
export function checkNetworks(why: string | undefined = whyNoSlots()): DoctorCheck {
  const base = { id: "networks", level: "advised" } as const;
  if (why === undefined) return { ...base, ok: true, found: "VMs can have networks of their own" };
  const remedy = "see docs/networking.md; BANDSOX_NETWORKING=off says that VMs need none";
  return { ...base, ok: false, found: `VMs have no network: ${why}`, remedy };
}
