import { z } from "zod";

/** Something that nobody looks after any more. */
export const Leftover = z.object({
  /** `vm`, `ephemeral vm`, `stray`, or what the ledger of host resources calls it, as `directory`, `supervisor` */
  kind: z.string(),
  /** A path, or a VM's id */
  locator: z.string(),
  /** Why it is one */
  found: z.string(),
});
export type Leftover = z.infer<typeof Leftover>;

/** What a clean-up did, or would do. */
export const CleanupReport = z.object({
  dryRun: z.boolean(),
  /** How many of each kind were settled and removed; with `dryRun`, would be */
  counts: z.record(z.string(), z.int()),
  removed: z.array(Leftover),
  /** What is still there: with `dryRun` all of it, else what could not be removed, or was not asked to be */
  left: z.array(Leftover),
});
export type CleanupReport = z.infer<typeof CleanupReport>;
