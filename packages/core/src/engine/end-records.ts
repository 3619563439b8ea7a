import { GuestProcess, GuestStats, OomKill } from "@bandsox/contract";
import { z } from "zod";
import { jsonFile } from "../host/json-file.ts";
import type { VmPaths } from "../host/paths.ts";
import { findProcessIdentity, type ProcessIdentity } from "../host/process-identity.ts";

/** What a supervisor did because of the VM's limits; it is written before it is done. */
export const Enforced = z.object({
  action: z.enum(["pause", "stop", "delete"]),
  cause: z.enum(["timeout", "idle"]),
  at: z.string(),
});
export type Enforced = z.infer<typeof Enforced>;

const readEnforced = jsonFile(Enforced);

export function findEnforced(paths: VmPaths): Enforced | undefined {
  return readEnforced(paths.enforced);
}

const Vitals = z.object({
  stats: GuestStats.optional().catch(undefined),
  processes: z
    .object({ processes: z.array(GuestProcess) })
    .optional()
    .catch(undefined),
  oom: z
    .object({ kills: z.array(OomKill) })
    .optional()
    .catch(undefined),
});

const readVitals = jsonFile(Vitals);

/** How a busy guest was doing last, as far as its words are ones. */
export function findVitals(paths: VmPaths) {
  const vitals = readVitals(paths.vitals);
  return { stats: vitals?.stats, processes: vitals?.processes?.processes, oomKills: vitals?.oom?.kills };
}

const readSigned = jsonFile(z.object({ pid: z.int(), startTime: z.string(), bootId: z.string() }));

/** Why a VM that has a signature of its supervisor, but no supervisor, may have lost it. */
export type Loss = "rebooted" | "elsewhere" | "killed" | "unknown";

/** What became of the supervisor that signed here. It is `elsewhere` when it lives, but with another directory. */
export function lossOf(paths: VmPaths, self: Pick<ProcessIdentity, "bootId">): Loss {
  const signed = readSigned(paths.supervisor);
  if (!signed) return "unknown";
  if (signed.bootId !== self.bootId) return "rebooted";
  return findProcessIdentity(signed.pid)?.startTime === signed.startTime ? "elsewhere" : "killed";
}
