import { z } from "zod";
import { Networking } from "./networking.ts";
import { NameForm, VmId, VmName } from "./vm-id.ts";
import { LimitsPatch } from "./vm-limits.ts";
import { Env, Metadata } from "./vm-spec.ts";

/** A snapshot's id. */
export const SnapshotId = z
  .string()
  .regex(/^snap_[0-9a-z]{12}$/, "a snapshot's id is snap_ and twelve letters or digits")
  .brand("SnapshotId");
export type SnapshotId = z.infer<typeof SnapshotId>;

/** A name a user gives a snapshot. */
export const SnapshotName = NameForm.refine(
  (name) => !name.startsWith("snap_"),
  "a snapshot's name does not start with `snap_`, as ids do",
);

/** How the memory of a snapshot is kept. */
export const SnapshotKind = z.enum(["whole", "difference"]);
export type SnapshotKind = z.infer<typeof SnapshotKind>;

/** What is known of a snapshot: a machine at one moment, which VMs can go on from any number of times. */
export const SnapshotInfo = z.object({
  id: SnapshotId,
  name: z.string(),
  /** The VM it was taken of, which may be gone */
  vmId: VmId,
  vmName: z.string(),
  /** The snapshot that VM had gone on from itself */
  parent: SnapshotId.optional(),
  image: z.string(),
  imageDigest: z.string(),
  engine: z.string(),
  vcpu: z.int(),
  memMib: z.int(),
  diskSizeMib: z.int(),
  env: Env,
  metadata: Metadata,
  /**
   * Whether its memory is kept whole, or as what differs from a memory that the storage has anyway. The latter becomes the
   * former when a VM first goes on from it, or when it is exported
   */
  kind: SnapshotKind.default("whole"),
  /** What it occupies on the disk, in bytes */
  sizeBytes: z.int(),
  /** How long the VM stood still for it, in ms */
  pausedMs: z.number(),
  /** ISO 8601 */
  createdAt: z.string(),
  /** VMs whose memory is a mapping of it now */
  clones: z.array(VmId),
});
export type SnapshotInfo = z.infer<typeof SnapshotInfo>;

/** All that is known of a snapshot. */
export const SnapshotDetails = SnapshotInfo.extend({
  /** What its parts occupy on the disk, in bytes; the kernel's files are shared with the storage's own */
  sizes: z.object({ memory: z.int(), devices: z.int(), disk: z.int(), kernel: z.int() }),
  /** The snapshots it goes back to, the nearest first; those that were deleted are the last that is known */
  ancestors: z.array(SnapshotId),
  /** The snapshots that were taken of VMs that go on from it */
  children: z.array(SnapshotId),
  /** Machines that can go on from it are of this class: the same VMM, processor, kernel and agent */
  compatibility: z.object({
    class: z.string(),
    /** Whether this machine is */
    here: z.boolean(),
    /** Why it is not */
    reason: z.string().optional(),
  }),
});
export type SnapshotDetails = z.infer<typeof SnapshotDetails>;

/** What a user says of a new snapshot. */
export const SnapshotSpec = z.strictObject({
  /** Unique among snapshots (default: the id) */
  name: SnapshotName.optional(),
  metadata: Metadata.default({}),
  /**
   * Keep of the memory only what differs from the VM's last snapshot, or else from what the VM itself goes on from, which takes
   * less space. The first VM that goes on from it then waits until it is whole (default: `false`)
   */
  diff: z.boolean().default(false),
});
export type SnapshotSpec = z.infer<typeof SnapshotSpec>;

/** How a VM made from a snapshot differs from the one it was taken of. */
export const RestoreSpec = z.strictObject({
  /** Also the guest's host name (default: the new VM's id) */
  name: VmName.optional(),
  /** Replaces what commands inherit beside the image's own (default: as it was) */
  env: Env.optional(),
  /** (default: as it was) */
  metadata: Metadata.optional(),
  /** Its network, if it was saved with one (default: as it was, with ports published on any free one) */
  networking: Networking.optional(),
  /** Limits other than it had; `null` lifts one (default: as they were). Times count from the new VM's creation */
  ...LimitsPatch.shape,
});
export type RestoreSpec = z.infer<typeof RestoreSpec>;
