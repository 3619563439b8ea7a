import { z } from "zod";

const TIMEOUT_MIN_MS = 1_000;
const TIMEOUT_MAX_MS = 366 * 24 * 3_600_000;

const time = (name: string) =>
  z
    .int(`${name} is a whole number`)
    .min(TIMEOUT_MIN_MS, `${name} is at least ${TIMEOUT_MIN_MS}`)
    .max(TIMEOUT_MAX_MS, `${name} is at most ${TIMEOUT_MAX_MS}`);

const CpuPercent = z
  .number()
  .min(0, "idleCpuPercent is not negative")
  .max(10_000, "idleCpuPercent is at most 10000");

/** What is done to a VM by itself. */
export const LimitAction = z.enum(["pause", "stop", "delete"]);
export type LimitAction = z.infer<typeof LimitAction>;

/** How long a VM may live, and how long it may do nothing. Enforced on this machine, whether or not a program of ours runs. */
export const limitShape = {
  /**
   * Time the VM has from its creation, whatever it does, in ms (default: no limit); pauses count. A VM that is started
   * or resumed after it has as much time again
   */
  timeoutMs: time("timeoutMs").optional(),
  /** What is done when its time is over (default: `stop`) */
  onTimeout: LimitAction.optional(),
  /**
   * Time the VM may do nothing, in ms (default: no limit): no client, command, terminal or port in use, and next to no
   * processor time. A session nobody is attached to does not count by itself
   */
  idleTimeoutMs: time("idleTimeoutMs").optional(),
  /** What is done then (default: `pause`); what a VM was paused by goes on when the VM is next used */
  onIdle: LimitAction.optional(),
  /** What it may use of one processor and still do nothing, in percent (default: `8`); emulated VMs are never quite still */
  idleCpuPercent: CpuPercent.optional(),
} as const;

/** New limits for a VM: `null` lifts one, what is not given stays. A new `timeoutMs` counts from now. */
export const LimitsPatch = z.strictObject({
  timeoutMs: time("timeoutMs").nullable().optional(),
  onTimeout: LimitAction.optional(),
  idleTimeoutMs: time("idleTimeoutMs").nullable().optional(),
  onIdle: LimitAction.optional(),
  idleCpuPercent: CpuPercent.optional(),
});
export type LimitsPatch = z.infer<typeof LimitsPatch>;

/** What keeps a VM with an idle limit awake, as this machine sees it. */
export const Idleness = z.object({
  /** Time without any of it, in ms */
  idleForMs: z.number(),
  /** Connections to the guest now: commands, terminals, ports, transfers */
  clients: z.int(),
  /** What it used of one processor lately */
  cpuPercent: z.number(),
  keptAwakeBy: z.array(z.enum(["clients", "cpu"])),
});
export type Idleness = z.infer<typeof Idleness>;
