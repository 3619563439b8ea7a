import type { z } from "zod";
import type { DiskLimits } from "../engine.ts";
import type { RateLimiter } from "./api/schemas.ts";

const MIB = 1024 ** 2;
const REFILL_MS = 1000;

/** What a second may move, as Firecracker's token buckets; an empty bucket switches a limit off. */
export function rateLimiter({ bandwidthMbps, iops }: DiskLimits): z.input<typeof RateLimiter> {
  return { bandwidth: bucket(bandwidthMbps * MIB), ops: bucket(iops) };
}

function bucket(perSecond: number): NonNullable<z.input<typeof RateLimiter>["ops"]> {
  return { size: perSecond, refill_time: REFILL_MS };
}

/** Whether nothing is limited. */
export function isUnlimited({ bandwidthMbps, iops }: DiskLimits): boolean {
  return bandwidthMbps === 0 && iops === 0;
}
