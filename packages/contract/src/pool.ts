import { z } from "zod";
import { VmSpec } from "./vm-spec.ts";

const POOL_MAX = 256;

/** A pool's id. */
export const PoolId = z
  .string()
  .regex(/^pool_[0-9a-z]{12}$/, "a pool's id is pool_ and twelve letters or digits")
  .brand("PoolId");
export type PoolId = z.infer<typeof PoolId>;

/** What VMs of a pool have in common: a VM that is asked for with just this is taken from it. */
export const PoolShape = VmSpec.pick({ image: true, vcpu: true, memMib: true, diskSizeMib: true });
export type PoolShape = z.infer<typeof PoolShape>;

/** What a user asks of a pool. */
export const PoolSpec = PoolShape.extend({
  /** How many VMs are kept ready; each holds its memory */
  size: z
    .int("size is a whole number")
    .min(0, "size is not negative")
    .max(POOL_MAX, `size is at most ${POOL_MAX}`),
}).strict();
export type PoolSpec = z.infer<typeof PoolSpec>;
export type PoolSpecInput = z.input<typeof PoolSpec>;

/** What is known of a pool. */
export const PoolInfo = PoolShape.extend({
  id: PoolId,
  size: z.int(),
  /** VMs that can be taken now */
  ready: z.int(),
  /** VMs that are being made for it */
  filling: z.int(),
  /** VMs that were taken from it */
  hits: z.int(),
  /** VMs that could have been, had one been ready */
  misses: z.int(),
  /** VMs that were made for it */
  refills: z.int(),
  /** Mean time that making one took, in ms; `0` before the first */
  refillMs: z.number(),
});
export type PoolInfo = z.infer<typeof PoolInfo>;
