import { z } from "zod";
import { type Tool, tool, VM, vmOf } from "./tool.ts";

/** Making VMs, looking at them, and ending them. */
export const VM_TOOLS: readonly Tool[] = [
  tool("list_vms", {
    title: "List VMs",
    description: "List the VMs this server may use, the newest first.",
    input: z.object({}),
    isReadOnly: true,
    run: async (_, { bandsox, scope, signal }) => {
      const vms = await bandsox.listVms({ signal });
      return { vms: vms.filter((vm) => scope.hasVm(vm)) };
    },
  }),
  tool("create_vm", {
    title: "Create a VM",
    description:
      "Make a microVM from an OCI image and leave it running. Untrusted code can run in it. Delete it when it is not needed any more.",
    input: z.object({
      image: z.string().min(1).describe("image reference, e.g. python:3-alpine"),
      name: z.string().optional().describe("name to use instead of the id"),
      vcpu: z.int().optional().describe("virtual CPUs (default: 1)"),
      memMib: z.int().optional().describe("memory in MiB (default: 256)"),
      diskSizeMib: z.int().optional().describe("writable disk in MiB (default: 4096)"),
      env: z.record(z.string(), z.string()).optional().describe("variables for every command"),
      networking: z.boolean().optional().describe("whether it has a network (default: no)"),
    }),
    run: async ({ image, ...spec }, { bandsox, scope, signal }) => {
      scope.assertImage(image);
      scope.assertSize(spec);
      scope.assertRoom(1);
      const given = Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
      // What is not asked for may not be allowed.
      const networking = spec.networking ?? false;
      const vm = await bandsox.createVm(image, {
        ...given,
        networking,
        ephemeral: !scope.options.keepsVms,
        signal,
      });
      scope.addVm(vm.id);
      return { vm: await vm.info() };
    },
  }),
  tool("fork_vm", {
    title: "Fork a VM",
    description: "Make VMs that go on where a running one is now, with its memory, processes and disk.",
    input: z.object({ vm: VM, count: z.int().min(1).max(64).optional().describe("how many (default: 1)") }),
    run: async ({ vm: reference, count = 1 }, world) => {
      const { scope, signal } = world;
      scope.assertRoom(count);
      const results = await (await vmOf(world, reference)).fork({ count, signal });
      const made = results.flatMap((result) => ("vm" in result ? [result.vm] : []));
      for (const { id } of made) scope.addVm(id);
      const failures = results.flatMap((result) => ("vm" in result ? [] : [result.error.message]));
      return { vms: made.map(({ id }) => id), failures };
    },
  }),
  tool("delete_vm", {
    title: "Delete a VM",
    description: "Delete a VM in any state, with its disk.",
    input: z.object({ vm: VM }),
    isDestructive: true,
    run: async ({ vm: reference }, world) => {
      const vm = await vmOf(world, reference);
      await vm.delete({ signal: world.signal });
      world.scope.removeVm(vm.id);
      return { deleted: vm.id };
    },
  }),
  tool("snapshot_vm", {
    title: "Snapshot a VM",
    description:
      "Save a running VM with its memory and disk; it goes on. VMs can be restored from it any number of times.",
    input: z.object({
      vm: VM,
      name: z.string().optional().describe("name of the snapshot (default: its id)"),
    }),
    run: async ({ vm: reference, name }, world) => {
      const vm = await vmOf(world, reference);
      const snapshot = await vm.snapshot({ ...(name === undefined ? {} : { name }), signal: world.signal });
      world.scope.addSnapshot(snapshot.id);
      return { snapshot };
    },
  }),
  tool("restore_snapshot", {
    title: "Restore a snapshot",
    description: "Make a VM that goes on where a snapshot was taken.",
    input: z.object({ snapshot: z.string().min(1).describe("id or name of a snapshot") }),
    run: async ({ snapshot: reference }, { bandsox, scope, signal }) => {
      scope.assertRoom(1);
      const snapshot = await bandsox.snapshots.inspect(reference);
      scope.assertSnapshot(snapshot);
      const vm = await bandsox.snapshots.restore(snapshot.id, { signal });
      scope.addVm(vm.id);
      return { vm: await vm.info() };
    },
  }),
];
