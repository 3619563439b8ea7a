import { z } from "zod";
import { NetworkInfo } from "./networking.ts";
import { SnapshotId } from "./snapshot.ts";
import { VmEndSummary } from "./vm-end.ts";
import { VmId } from "./vm-id.ts";
import { Idleness, LimitAction } from "./vm-limits.ts";
import { Env, Metadata } from "./vm-spec.ts";
import { VmState } from "./vm-state.ts";

/** What carries the bytes between host and guest. */
export const Transport = z.enum(["vsock", "virtio-serial", "serial"]);
export type Transport = z.infer<typeof Transport>;

/** What is known of a VM at one moment. */
export const VmInfo = z.object({
  id: VmId,
  name: z.string(),
  state: VmState,
  image: z.string(),
  /** Digest of the image's manifest; absent until the image is resolved */
  imageDigest: z.string().optional(),
  engine: z.string(),
  vcpu: z.int(),
  memMib: z.int(),
  diskSizeMib: z.int(),
  networking: z.boolean(),
  /** Present while the VM has a network */
  network: NetworkInfo.optional(),
  /** The snapshot it was made from, or rolled back to last */
  snapshotId: SnapshotId.optional(),
  /** Present while the VM runs */
  transport: Transport.optional(),
  env: Env,
  metadata: Metadata,
  /** ISO 8601 */
  createdAt: z.string(),
  /** When its time is over, by the clock of the day; ISO 8601 */
  expiresAt: z.string().optional(),
  onTimeout: LimitAction.optional(),
  idleTimeoutMs: z.int().optional(),
  onIdle: LimitAction.optional(),
  /** Of a running VM with an idle limit; only when one VM is asked for */
  idle: Idleness.optional(),
  /** The limit a paused VM was paused by */
  pausedBy: z.enum(["timeout", "idle"]).optional(),
  /** How it ended; present while it does not run */
  ended: VmEndSummary.optional(),
  /** Why the VM is in `failed`; absent elsewhere */
  failure: z.string().optional(),
});
export type VmInfo = z.infer<typeof VmInfo>;

/** Which VMs, of all there are. */
export const VmFilter = z.strictObject({
  /** At most so many, the newest */
  limit: z.int("limit is a whole number").min(1, "limit is at least 1").optional(),
  /** Only those whose metadata has each of these keys with exactly this value */
  metadata: Metadata.optional(),
  /** Only those in one of these states */
  states: z.array(VmState).optional(),
});
export type VmFilter = z.infer<typeof VmFilter>;
