import { z } from "zod";
import { GuestProcess, OomKill, VmStats } from "../health.ts";
import { NetworkSpec } from "../networking.ts";
import { SnapshotSpec } from "../snapshot.ts";
import { VmEnd } from "../vm-end.ts";
import { VmName } from "../vm-id.ts";
import { LimitsPatch, limitShape } from "../vm-limits.ts";
import { Env, Metadata, MetadataPatch, VmSpec } from "../vm-spec.ts";
import { cloneFields } from "./clone-fields.ts";
import { Count, maybe, Switch, Vm, VmParams } from "./fields.ts";
import type { ApiRoute } from "./route.ts";
import { wireSchema } from "./wire-schema.ts";

const { image, vcpu, memMib, diskSizeMib, boot, diskBandwidthMbps, diskIops } = VmSpec.shape;
const { timeoutMs, onTimeout, idleTimeoutMs, onIdle, idleCpuPercent } = limitShape;

/** Limits of a new VM, each as `PUT /api/vms/{id}/limits` changes it. */
const limits = {
  timeout_ms: maybe(timeoutMs.unwrap()),
  on_timeout: maybe(onTimeout.unwrap()),
  idle_timeout_ms: maybe(idleTimeoutMs.unwrap()),
  on_idle: maybe(onIdle.unwrap()),
  idle_cpu_percent: maybe(idleCpuPercent.unwrap()),
};

/** What a new VM is to be; what is left out is as the library has it. */
export const CreateVmBody = z
  .object({
    image: image.meta({
      description: "Image source, e.g. `python:3-alpine`; local sources need the scope admin",
    }),
    name: maybe(VmName),
    vcpu: maybe(vcpu.unwrap()),
    mem_mib: maybe(memMib.unwrap()),
    disk_size_mib: maybe(diskSizeMib.unwrap()),
    enable_networking: maybe(z.union([z.boolean(), wireSchema(NetworkSpec)])).meta({
      description:
        "Whether it has a network, or which; more than the presets `none` and `public` needs the scope admin",
    }),
    boot: maybe(boot.unwrap()),
    disk_bandwidth_mbps: maybe(diskBandwidthMbps.unwrap()),
    disk_iops: maybe(diskIops.unwrap()),
    ...limits,
    env_vars: maybe(Env),
    metadata: maybe(Metadata),
    force_rebuild: maybe(z.boolean()).meta({ description: "Fetch the image again even if the store has it" }),
  })
  .meta({ id: "CreateVm" });

/** The fields of a form with a `dockerfile`. */
export const DockerfileForm = z.object({
  dockerfile: z.string().meta({ description: "The file, or its text" }),
  tag: z.string().optional(),
  name: z.string().optional(),
  vcpu: z.string().optional(),
  mem_mib: z.string().optional(),
  disk_size_mib: z.string().optional(),
  enable_networking: z.string().optional(),
  force_rebuild: z.string().optional(),
  env_vars: z.string().optional().meta({ description: "JSON" }),
  metadata: z.string().optional().meta({ description: "JSON" }),
});

const listed = {
  query: z.object({
    limit: Count.optional(),
    metadata_equals: z
      .string()
      .optional()
      .meta({ description: "JSON object; VMs whose metadata has its fields" }),
  }),
  answer: z.array(Vm),
};
const created = z.object({ id: z.string(), status: z.string(), vm: Vm });
const done = z.object({ status: z.string() });

const Grace = z.object({ grace_ms: z.int().min(0).max(300_000).optional() }).nullish();

/** VMs and their life. */
export const VM_ROUTES = {
  "GET /api/vms": { ...about("List VMs, the newest first", "read"), ...listed },
  "GET /api/projects": { ...about("The same as `GET /api/vms`", "read"), ...listed },
  "POST /api/vms": {
    ...about("Create a VM from an image", "exec"),
    ...{ body: CreateVmBody, answer: created, idempotent: true },
    produces: ["application/x-ndjson", "text/event-stream"],
  },
  "POST /api/vms/from-dockerfile": {
    ...about("Build an image from a Dockerfile and create a VM from it", "exec"),
    ...{ body: DockerfileForm, consumes: "multipart/form-data", answer: created },
  },
  "GET /api/vms/:id": { ...about("One VM", "read"), params: VmParams, answer: Vm },
  "DELETE /api/vms/:id": {
    ...about("Delete a VM in any state; one that is not there is deleted already", "exec"),
    ...{ params: VmParams, answer: done },
  },
  "POST /api/vms/:id/stop": {
    ...about("Stop a VM", "exec"),
    ...{ params: VmParams, body: Grace, answer: done },
  },
  "POST /api/vms/:id/start": {
    ...about("Start a stopped VM from its disk", "exec"),
    ...{ params: VmParams, answer: done },
  },
  "POST /api/vms/:id/restart": {
    ...about("Stop a VM and start it from its disk", "exec"),
    ...{ params: VmParams, body: Grace, answer: done },
  },
  "POST /api/vms/:id/pause": { ...about("Pause a VM", "exec"), params: VmParams, answer: done },
  "POST /api/vms/:id/resume": { ...about("Resume a paused VM", "exec"), params: VmParams, answer: done },
  "PUT /api/vms/:id/metadata": {
    ...about("Replace a VM's metadata", "exec"),
    ...{ params: VmParams, body: z.object({ metadata: Metadata }), answer: z.null() },
  },
  "PATCH /api/vms/:id/metadata": {
    ...about("Change some of a VM's metadata; `null` takes a key away", "exec"),
    ...{ params: VmParams, body: z.object({ metadata: MetadataPatch }), answer: Vm },
  },
  "PUT /api/vms/:id/name": {
    ...about("Rename a VM", "exec"),
    ...{ params: VmParams, body: z.object({ name: VmName }) },
    answer: z.object({ status: z.string(), name: z.string() }),
  },
  "PUT /api/vms/:id/limits": {
    ...about("Have other limits for the VM's life from now on; `null` lifts one", "exec"),
    ...{ params: VmParams, body: wireSchema(LimitsPatch), answer: Vm },
  },
  "PUT /api/vms/:id/reclaim": {
    ...about("Take so much of a guest's memory for the host, until told otherwise; 0 gives it back", "exec"),
    ...{ params: VmParams, body: z.object({ mib: z.int().min(0) }), answer: done },
  },
  "GET /api/vms/:id/why": {
    ...about("How the VM ended last, also one that is gone; `null` if it never has", "read"),
    ...{ params: VmParams, answer: wireSchema(VmEnd).nullable() },
  },
  "PUT /api/vms/:id/disk-size": {
    ...about("Make a stopped VM's disk larger", "exec"),
    ...{ params: VmParams, body: z.object({ disk_size_mib: diskSizeMib.unwrap() }), answer: Vm },
  },
  "POST /api/vms/:id/snapshot": {
    ...about("Take a snapshot of a running or paused VM, which goes on", "exec"),
    params: VmParams,
    body: z
      .object({
        name: maybe(SnapshotSpec.shape.name.unwrap()),
        metadata: maybe(Metadata),
        diff: maybe(z.boolean()),
      })
      .nullish(),
    ...{ answer: z.object({ snapshot_id: z.string() }), idempotent: true },
  },
  "POST /api/vms/:id/rollback": {
    ...about("Make a VM what it was when a snapshot of it was taken", "exec"),
    ...{ params: VmParams, body: z.object({ snapshot: z.string().max(128) }), answer: Vm },
  },
  "POST /api/vms/:id/fork": {
    ...about("Make VMs that go on where this one is now", "exec"),
    params: VmParams,
    body: z.object({ count: maybe(z.int().min(1).max(64)), ...cloneFields }).nullish(),
    answer: z.array(z.union([z.object({ vm: Vm }), z.object({ error: z.string(), code: z.string() })])),
    idempotent: true,
  },
  "GET /api/vms/:id/ping": {
    ...about("A sign of life of the agent in the guest: the time of one round trip from here to it", "read"),
    ...{ params: VmParams, answer: z.object({ ms: z.number() }) },
  },
  "GET /api/vms/:id/stats": {
    ...about("How the guest is doing: time, memory, disk, load", "read"),
    ...{ params: VmParams, answer: wireSchema(VmStats) },
  },
  "GET /api/vms/:id/processes": {
    ...about("The guest's processes, those with the most memory first", "read"),
    ...{ params: VmParams, query: z.object({ limit: Count.optional() }) },
    answer: z.array(wireSchema(GuestProcess)),
  },
  "GET /api/vms/:id/oom-kills": {
    ...about("Processes the guest's kernel killed because memory ran out", "read"),
    ...{ params: VmParams, answer: z.array(wireSchema(OomKill)) },
  },
  "GET /api/vms/:id/kernel-log": {
    ...about("The newest part of the guest kernel's log", "read"),
    ...{ params: VmParams, query: z.object({ bytes: Count.optional() }), produces: ["text/plain"] },
  },
  "GET /api/vms/:id/console": {
    ...about(
      "What the guest wrote to its console, in any state of the VM; with `follow` as it comes",
      "read",
    ),
    ...{ params: VmParams, query: z.object({ follow: Switch.optional() }), produces: ["text/plain"] },
  },
  "GET /api/vms/:id/vmm-log": {
    ...about("What the VMM said of itself, in any state of the VM; with `follow` as it comes", "read"),
    ...{ params: VmParams, query: z.object({ follow: Switch.optional() }), produces: ["text/plain"] },
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "VMs" } as const;
}
