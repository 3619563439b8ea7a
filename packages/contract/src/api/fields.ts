import { z } from "zod";
import { SnapshotDetails as SnapshotDetailsSchema, SnapshotInfo } from "../snapshot.ts";
import { VmInfo } from "../vm.ts";
import { VmState } from "../vm-state.ts";
import { wireSchema } from "./wire-schema.ts";
import type { WireSnapshot, WireSnapshotDetails, WireVm } from "./wire-vm.ts";

const REFERENCE_MAX_CHARACTERS = 128;
const reference = (what: string) =>
  z
    .string()
    .max(REFERENCE_MAX_CHARACTERS)
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/,
      `${what} is named by its id, its name, or the start of its id`,
    );

/** A VM in a path. */
export const VmParams = z.object({
  id: reference("a VM").meta({ description: "The VM's id, its name, or the start of its id" }),
});
/** A snapshot in a path. */
export const SnapshotParams = z.object({
  id: reference("a snapshot").meta({ description: "The snapshot's id, its name, or the start of its id" }),
});

/** A JSON field that may be left out, also by giving `null`. */
export function maybe<S extends z.ZodType>(schema: S) {
  return z
    .union([schema, z.null()])
    .optional()
    .transform((value) => value ?? undefined);
}

/** A switch in a query: `1` and `true` are on. */
export const Switch = z
  .enum(["1", "true", "0", "false"])
  .transform((text) => text === "1" || text === "true");

/** A whole number in a query. */
export const Count = z
  .string()
  .regex(/^[0-9]{1,15}$/, "is a whole number")
  .transform(Number);

const Anything = z.record(z.string(), z.unknown());
const Seconds = z.number().meta({ description: "Seconds since 1970" });

const { state: _state, env: vmEnv, createdAt: _created, ...vmFields } = VmInfo.shape;
/** `WireVm`. */
export const Vm = z
  .object({
    ...(wireSchema(z.object(vmFields)) as unknown as z.ZodObject).shape,
    ...{ status: VmState, env_vars: vmEnv, created_at: Seconds, agent_ready: z.boolean() },
    ...{ restored_from: z.string().optional(), pid: z.int().nullable() },
    ...{ network_config: Anything.nullable(), vsock_config: Anything.nullable() },
  })
  .meta({ id: "Vm" }) as unknown as z.ZodType<WireVm, WireVm>;

const { name: _name, vmId, env: snapshotEnv, createdAt: _at, ...snapshotFields } = SnapshotInfo.shape;
/** `WireSnapshot`. */
export const Snapshot = z
  .object({
    ...(wireSchema(z.object(snapshotFields)) as unknown as z.ZodObject).shape,
    ...{ snapshot_name: z.string(), source_vm_id: vmId, env_vars: snapshotEnv, created_at: Seconds },
    ...{ status: z.string(), network_config: Anything.nullable(), vsock_config: Anything.nullable() },
  })
  .meta({ id: "Snapshot" }) as unknown as z.ZodType<WireSnapshot, WireSnapshot>;

const { sizes, ancestors, children, compatibility } = SnapshotDetailsSchema.shape;
/** `WireSnapshotDetails`. */
export const SnapshotDetails = z
  .object({
    ...(Snapshot as unknown as z.ZodObject).shape,
    ...(wireSchema(z.object({ sizes, ancestors, children, compatibility })) as unknown as z.ZodObject).shape,
  })
  .meta({ id: "SnapshotDetails" }) as unknown as z.ZodType<WireSnapshotDetails, WireSnapshotDetails>;
