import { readFileSync } from "node:fs";
import { GuestProcess, OomKill, VmStats } from "@bandsox/contract";
import { z } from "zod";
import type { VmPaths } from "../host/paths.ts";
import { findProcessIdentity, type ProcessIdentity } from "../host/process-identity.ts";

/** What a supervisor did because of the VM's limits; it is written before it is done. */
export const Enforced = z.object({
  action: z.enum(["pause", "stop", "delete"]),
  cause: z.enum(["timeout", "idle"]),
  at: z.string(),
});
export type Enforced = z.infer<typeof Enforced>;

export function findEnforced(paths: VmPaths): Enforced | undefined {
  return Enforced.safeParse(readJson(paths.enforced)).data;
}

const Vitals = z.object({
  stats: VmStats.optional().catch(undefined),
  processes: z
    .object({ processes: z.array(GuestProcess) })
    .optional()
    .catch(undefined),
  oom: z
    .object({ kills: z.array(OomKill) })
    .optional()
    .catch(undefined),
});

/** How a busy guest was doing last, as far as its words are ones. */
export function findVitals(paths: VmPaths) {
  const vitals = Vitals.safeParse(readJson(paths.vitals)).data;
  return { stats: vitals?.stats, processes: vitals?.processes?.processes, oomKills: vitals?.oom?.kills };
}

const Identity = z.object({ pid: z.int(), startTime: z.string(), bootId: z.string() });

/** Why a VM that has a signature of its supervisor, but no supervisor, may have lost it. */
export type Loss = "rebooted" | "elsewhere" | "killed" | "unknown";

/** What became of the supervisor that signed here. It is `elsewhere` when it lives, but with another directory. */
export function lossOf(paths: VmPaths, self: Pick<ProcessIdentity, "bootId">): Loss {
  const signed = Identity.safeParse(readJson(paths.supervisor)).data;
  if (!signed) return "unknown";
  if (signed.bootId !== self.bootId) return "rebooted";
  return findProcessIdentity(signed.pid)?.startTime === signed.startTime ? "elsewhere" : "killed";
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // absent, or its writer died: the same answer
  }
}
