import { z } from "zod";
import { ARGUMENT_MAX_BYTES, utf8Length } from "./guest-string.ts";
import { Networking } from "./networking.ts";
import { VmName } from "./vm-id.ts";
import { limitShape } from "./vm-limits.ts";

/** Bounds of one VM. */
export const VM_LIMITS = {
  vcpuMax: 32,
  memMibMin: 128,
  memMibMax: 262_144,
  diskMibMin: 64,
  diskMibMax: 65_536,
} as const;

const MAX_ENTRIES = 1024;
const EnvName = z
  .string()
  .min(1, "a variable's name is not empty")
  .max(256, "a variable's name has at most 256 characters")
  .regex(/^[^=\0]*$/, "a variable's name holds no `=` and no NUL");
const EnvValue = z.string().regex(/^[^\0]*$/, "a variable holds no NUL");

/** Environment variables by name. */
export const Env = z
  .record(EnvName, EnvValue)
  .refine((env) => Object.keys(env).length <= MAX_ENTRIES, `at most ${MAX_ENTRIES} variables`)
  .superRefine((env, context) => {
    for (const [name, value] of Object.entries(env)) {
      if (utf8Length(`${name}=${value}`) <= ARGUMENT_MAX_BYTES) continue;
      const message = `a variable has at most ${ARGUMENT_MAX_BYTES} bytes, its name included`;
      context.addIssue({ code: "custom", path: [name], message });
    }
  });
export type Env = z.infer<typeof Env>;

/** Free data of the user's, kept with the VM; a JSON object of at most 64 KiB. */
export const Metadata = z
  .record(z.string().max(256), z.json())
  .refine(
    (metadata) => JSON.stringify(metadata).length <= 65_536,
    "metadata has at most 65536 bytes as JSON",
  );
export type Metadata = z.infer<typeof Metadata>;

/** Changes to metadata: each key given takes its new value, `null` takes the key away, the others stay. */
export const MetadataPatch = z.record(z.string().max(256), z.json());
export type MetadataPatch = z.infer<typeof MetadataPatch>;

/** What a user asks of a VM. Immutable once the VM exists. */
export const VmSpec = z.strictObject({
  /** Image source, e.g. `python:3-alpine`, `oci:./layout:tag`, `docker-archive:image.tar`, `dir:./root` */
  image: z
    .string()
    .min(1, "an image is needed")
    .max(4096, "an image source has at most 4096 characters")
    .regex(/^[^\0]*$/, "an image source holds no NUL"),
  /** Name shown instead of the id, unique among VMs; also the guest's host name (default: the id) */
  name: VmName.optional(),
  /** Virtual CPUs (default: `1`) */
  vcpu: z
    .int("vcpu is a whole number")
    .min(1, "a VM has at least 1 vCPU")
    .max(VM_LIMITS.vcpuMax, `a VM has at most ${VM_LIMITS.vcpuMax} vCPUs`)
    .default(1),
  /** Guest memory in MiB (default: `256`) */
  memMib: z
    .int("memMib is a whole number")
    .min(VM_LIMITS.memMibMin, `a VM has at least ${VM_LIMITS.memMibMin} MiB of memory`)
    .max(VM_LIMITS.memMibMax, `a VM has at most ${VM_LIMITS.memMibMax} MiB of memory`)
    .default(256),
  /** Size of the writable layer disk in MiB (default: `4096`); sparse, it costs what is written */
  diskSizeMib: z
    .int("diskSizeMib is a whole number")
    .min(VM_LIMITS.diskMibMin, `a disk has at least ${VM_LIMITS.diskMibMin} MiB`)
    .max(VM_LIMITS.diskMibMax, `a disk has at most ${VM_LIMITS.diskMibMax} MiB`)
    .default(4096),
  /** What the writable disk may move, in MiB/s; `0` is no limit (default: the engine's). Not every engine limits disks */
  diskBandwidthMbps: z
    .int("diskBandwidthMbps is a whole number")
    .min(0, "diskBandwidthMbps is not negative")
    .optional(),
  /** Operations a second of the writable disk; `0` is no limit (default: the engine's) */
  diskIops: z.int("diskIops is a whole number").min(0, "diskIops is not negative").optional(),
  /** The guest's network (default: none, unless the storage is opened with networks by default); see `NetworkSpec` */
  networking: Networking.optional(),
  /**
   * How the guest comes up (default: `golden`): going on from a machine saved once it had booted, or `cold` from the
   * kernel. An engine that cannot save machines always boots
   */
  boot: z.enum(["golden", "cold"]).default("golden"),
  /** Variables added to the image's environment for every exec */
  env: Env.default({}),
  metadata: Metadata.default({}),
  ...limitShape,
});
export type VmSpec = z.infer<typeof VmSpec>;
/** `VmSpec` as a caller writes it: everything but the image may be left out. */
export type VmSpecInput = z.input<typeof VmSpec>;
