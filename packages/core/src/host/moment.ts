import { readFileSync } from "node:fs";
import { z } from "zod";
import { ownIdentity } from "./process-identity.ts";

/** A time by both clocks of the host: that of the day, which may be set, and that since boot, which goes on in sleep. */
export interface Moment {
  /** ms since 1970 */
  readonly wallMs: number;
  /** ms since the boot named by `bootId` */
  readonly uptimeMs: number;
  readonly bootId: string;
}

/** Now. */
export function hostMoment(): Moment {
  const [uptime] = readFileSync("/proc/uptime", "utf8").split(" ");
  return { wallMs: Date.now(), uptimeMs: Math.round(Number(uptime) * 1000), bootId: ownIdentity().bootId };
}

/** A moment to come. Within the boot it was set in only the clock since boot counts. */
export const Deadline = z.object({ atMs: z.int(), uptimeMs: z.int(), bootId: z.string() });
export type Deadline = z.infer<typeof Deadline>;

/** The moment so many ms from now. */
export function deadlineIn(durationMs: number, now: Moment): Deadline {
  const { bootId } = now;
  return { atMs: now.wallMs + durationMs, uptimeMs: now.uptimeMs + durationMs, bootId };
}

/** How long it is until then, in ms; negative when it has passed. */
export function msUntil({ atMs, uptimeMs, bootId }: Deadline, now: Moment): number {
  return bootId === now.bootId ? uptimeMs - now.uptimeMs : atMs - now.wallMs;
}
