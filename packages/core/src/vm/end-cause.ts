import type { EndCause } from "@bandsox/contract";
import type { Enforced, Loss } from "../engine/end-records.ts";
import type { VmmExit } from "../engine/engine.ts";

/** What there is to tell of how a VM that was not asked to end has ended. */
export interface EndEvidence {
  readonly enforced: Enforced | undefined;
  readonly exit: VmmExit | undefined;
  /** What became of the supervisor that left no exit record */
  readonly loss: Loss;
  /** The console's end, as text */
  readonly console: string;
}

export interface JudgedEnd {
  readonly cause: EndCause;
  readonly summary: string;
  readonly panic?: string | undefined;
  readonly oom?: string | undefined;
}

const LINE_MAX = 1000;
const PANIC = /Kernel panic - not syncing: ([^\n]*)/;
const OOM = /(?:Out of memory|Memory cgroup out of memory): Killed process [^\n]*/g;
/** What the kernel calls an init killed by SIGKILL */
const INIT_KILLED = /Attempted to kill init! exitcode=0x0*9\b/;

/** Says why a VM ended, from what is left of it. What only the guest says can only fool whoever looks after that guest. */
export function judgeEnd({ enforced, exit, loss, console }: EndEvidence): JudgedEnd {
  const oom = console.match(OOM)?.at(-1)?.slice(0, LINE_MAX);
  const heard = oom === undefined ? {} : { oom };
  if (enforced && enforced.action !== "pause") return { ...judgeLimit(enforced), ...heard };
  if (!exit) return { ...judgeLoss(loss), ...heard };
  if (exit.hostOom)
    return { cause: "host_oom", summary: `this machine's kernel killed its VMM: ${exit.hostOom}`, ...heard };
  if (exit.exitCode === 0) return { ...judgeGuest(console, oom), ...heard };
  return { ...judgeVmm(exit), ...heard };
}

function judgeLimit({ cause }: Enforced): JudgedEnd {
  return { cause, summary: cause === "idle" ? "it did nothing for too long" : "its time was over" };
}

const LOSSES = {
  rebooted: { cause: "host_reboot", summary: "this machine was restarted while it ran" },
  elsewhere: { cause: "storage_moved", summary: "its processes belong to another copy of its storage" },
  killed: { cause: "vmm_killed", summary: "its processes are gone without a record: they were killed" },
  unknown: { cause: "unknown", summary: "its processes are gone without a record" },
} as const satisfies Record<Loss, JudgedEnd>;

function judgeLoss(loss: Loss): JudgedEnd {
  return LOSSES[loss];
}

function judgeVmm({ exitCode, signal, requested, reason }: VmmExit): JudgedEnd {
  const why = reason ? `: ${reason.slice(0, LINE_MAX)}` : "";
  if (signal === "SIGKILL" || requested)
    return { cause: "vmm_killed", summary: `its VMM was killed by ${signal ?? "its supervisor"}${why}` };
  const how = signal ? `was killed by ${signal}` : `ended with code ${exitCode}`;
  return { cause: "vmm_crash", summary: `its VMM ${how}${why}` };
}

/** A VMM ends with 0 when its guest powers off, and when its kernel has panicked. */
function judgeGuest(console: string, oom: string | undefined): JudgedEnd {
  const panic = PANIC.exec(console)?.[1]?.slice(0, LINE_MAX);
  if (panic === undefined) return { cause: "powered_off", summary: "its guest powered off" };
  const outOfMemory = /out of memory|deadlocked on memory/i.test(panic);
  if (outOfMemory || (oom !== undefined && INIT_KILLED.test(panic)))
    return { cause: "guest_oom", summary: `its guest ran out of memory: ${panic}`, panic };
  if (panic.startsWith("Attempted to kill init"))
    return { cause: "init_exit", summary: `its guest's first process ended: ${panic}`, panic };
  return { cause: "kernel_panic", summary: `its guest's kernel panicked: ${panic}`, panic };
}
