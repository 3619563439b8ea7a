import { z } from "zod";
import { GuestProcess, GuestStats, OomKill } from "./health.ts";
import { VmId } from "./vm-id.ts";

/** Why VMs end, and what whoever wonders about it can do; one sentence without a period. */
export const END_CAUSES = {
  stopped: "start it again with `bandsox vm start`",
  powered_off: "a program in the guest powered it off; start it again with `bandsox vm start`",
  deleted: "it was asked for; nothing is left to start again",
  timeout: "its time was over; give it more with `timeoutMs`, or none to let it run on",
  idle: "nothing used it; give it more time with `idleTimeoutMs`, or none to let it run on",
  guest_oom: "the guest ran out of memory; create it with more `memMib`, or run less in it",
  host_oom: "this machine ran out of memory; run fewer or smaller VMs on it, or add memory",
  kernel_panic: "the guest's kernel gave up; its console tells where, and `vm start` boots it again",
  init_exit: "the agent, the guest's first process, ended; its console tells why: this is a defect to report",
  vmm_crash: "the VMM ended by itself; its log tells why, and `bandsox doctor` checks this machine",
  vmm_killed: "somebody killed its processes on this machine; start it again with `bandsox vm start`",
  host_reboot: "this machine was restarted or lost power; start it again with `bandsox vm start`",
  storage_moved: "its storage is a copy, or was moved while it ran; start it again with `bandsox vm start`",
  create_failed: "whoever was creating it died; create it again",
  unknown: "its console and the VMM's log are all that is known; `bandsox doctor` checks this machine",
} as const satisfies Record<string, string>;

export const EndCause = z.enum(Object.keys(END_CAUSES) as [EndCause, ...EndCause[]]);
export type EndCause = keyof typeof END_CAUSES;

const LINE_MAX = 1024;
/** The end of a guest's console that is kept, in bytes. */
export const END_CONSOLE_BYTES = 65_536;

/** How a VM ended and what tells so. Consoles, statistics and processes are the guest's own words. */
export const VmEnd = z.object({
  vmId: VmId,
  vmName: z.string(),
  /** ISO 8601 */
  at: z.string(),
  cause: EndCause,
  /** One line for people */
  summary: z.string(),
  /** What to do about it */
  advice: z.string(),
  evidence: z.object({
    /** The VMM's */
    exitCode: z.int().optional(),
    /** What killed the VMM */
    signal: z.string().optional(),
    /** The last line the VMM printed */
    vmmLog: z.string().optional(),
    /** What the guest's kernel said when it gave up */
    panic: z.string().max(LINE_MAX).optional(),
    /** What the guest's kernel said when it killed a process for want of memory, the last such line */
    oom: z.string().max(LINE_MAX).optional(),
    /** What this machine's kernel said when it killed the VMM for want of memory */
    hostOom: z.string().max(LINE_MAX).optional(),
    /** The last 64 KiB, without control characters */
    console: z.string(),
    /** How a guest that was busy did, at most some ten seconds before */
    stats: GuestStats.optional(),
    /** Those with the most memory, at that time */
    processes: z.array(GuestProcess).optional(),
    oomKills: z.array(OomKill).optional(),
  }),
});
export type VmEnd = z.infer<typeof VmEnd>;

/** A VM's end in short. */
export const VmEndSummary = VmEnd.pick({ at: true, cause: true, summary: true, advice: true });
export type VmEndSummary = z.infer<typeof VmEndSummary>;
