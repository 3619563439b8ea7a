import { readFileSync } from "node:fs";

/**
 * A process that cannot be mistaken for another: pid, start time and boot. The kernel reuses pids, so a pid
 * alone never decides whether something of ours lives.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of `/proc/<pid>/stat` */
  readonly startTime: string;
  /** `/proc/sys/kernel/random/boot_id` */
  readonly bootId: string;
}

/** Reads the identity of a running process, or `undefined` when there is none. Zombies count as gone. */
export function findProcessIdentity(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // no such process: the answer, not a failure
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return { pid, startTime, bootId: bootId() };
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  const own = findProcessIdentity(process.pid);
  if (!own) throw new Error(`cannot read /proc/${process.pid}/stat: is /proc mounted?`);
  return own;
}

/** Whether exactly that process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = findProcessIdentity(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Sends a signal to exactly that process; does nothing when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

let knownBootId: string | undefined;
function bootId(): string {
  knownBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return knownBootId;
}
