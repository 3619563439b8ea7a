import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Told } from "../e2e/support/told.ts";
import { busyboxRoot, type World } from "../e2e/support/world.ts";
import { openFirecrackerWorld } from "./support/use-firecracker.ts";

let world: World;
let image: string;
let vm: Vm;

beforeAll(async () => {
  world = await openFirecrackerWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
  vm = await world.bandsox.createVm(image, { name: "first", memMib: 128, diskIops: 1000 });
});
afterAll(() => world[Symbol.asyncDispose]());

const said = async (of: Vm, command: string) => (await of.exec(command)).stdout.trim();

test("a VM is Firecracker's, goes on from a golden and is reached over vsock", async () => {
  expect(await vm.info()).toMatchObject({ engine: "firecracker", state: "running", transport: "vsock" });
  expect(await said(vm, "hostname; echo $((6 * 7))")).toBe("first\n42");
  const made = "busybox seq 1 100000";
  const { stdout } = await vm.exec(made);
  expect(stdout).toHaveLength(588_895);
});

test("commands run side by side, and files go both ways", async () => {
  const results = await Promise.all(Array.from({ length: 10 }, (_, n) => vm.exec(`echo ${n}`)));
  expect(results.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}\n`));
  const content = Buffer.alloc(3_000_000, "bytes of the host ");
  await vm.files.write("/file", content);
  expect(await said(vm, "busybox wc -c < /file")).toBe("3000000");
});

test("a paused VM stands still, and answers over vsock when it goes on", async () => {
  await vm.pause();
  expect(await vm.info()).toMatchObject({ state: "paused" });
  await vm.resume();
  expect(await said(vm, "echo on")).toBe("on");
  expect(await vm.info()).toMatchObject({ state: "running", transport: "vsock" });
});

test("clones of a snapshot, and of a clone's, are machines of their own", async () => {
  await vm.execCommand(
    "echo kept > /kept; echo memory > /dev/shm/kept; head -c 9000000 /dev/urandom > /dev/shm/fill",
  );
  const sums = await said(vm, "md5sum /dev/shm/fill /kept");
  const { id } = await vm.snapshot();
  await vm.execCommand("echo changed > /kept; echo changed > /dev/shm/fill");
  const clones = await Promise.all([
    world.bandsox.snapshots.restore(id),
    world.bandsox.snapshots.restore(id),
  ]);
  for (const clone of clones) {
    expect(await clone.info()).toMatchObject({ transport: "vsock" });
    expect(await said(clone, "md5sum /dev/shm/fill /kept; cat /dev/shm/kept")).toBe(`${sums}\nmemory`);
  }
  const [first, second] = clones;
  if (!first || !second) throw new Error("there are two");
  expect(await said(first, "hostname")).not.toBe(await said(second, "hostname"));
  await first.execCommand("echo second > /dev/shm/kept");
  const second1 = await first.snapshot();
  await first.execCommand("echo third > /dev/shm/kept");
  const second2 = await first.snapshot(); // the record of changed pages has begun anew
  const grandchild = await world.bandsox.snapshots.restore(second2.id);
  expect(await said(grandchild, "md5sum /dev/shm/fill /kept; cat /dev/shm/kept")).toBe(`${sums}\nthird`);
  await grandchild.rollback(second2.id);
  expect(await said(grandchild, "cat /dev/shm/kept")).toBe("third");
  const older = await world.bandsox.snapshots.restore(second1.id);
  expect(await said(older, "cat /dev/shm/kept; md5sum /dev/shm/fill /kept")).toBe(`second\n${sums}`);
  for (const one of [...clones, grandchild, older]) await one.delete();
  for (const snapshot of [id, second1.id, second2.id]) await world.bandsox.snapshots.delete(snapshot);
  expect(await said(vm, "cat /kept")).toBe("changed");
});

test("a fork's children go on each for themselves", async () => {
  await vm.execCommand("echo parent > /dev/shm/who");
  const results = await vm.fork({ count: 2 });
  const children = results.flatMap((one) => ("vm" in one ? [one.vm] : []));
  expect(children).toHaveLength(2);
  for (const [n, child] of children.entries()) {
    expect(await said(child, "cat /dev/shm/who")).toBe("parent");
    await child.execCommand(`echo ${n} > /dev/shm/who`);
  }
  expect(await said(vm, "cat /dev/shm/who")).toBe("parent");
  for (const child of children) await child.delete();
});

test("what Firecracker measures is told, adds up and is kept beside the VM, and its log in the VMM's", async () => {
  const before = (await vm.stats()).vmm;
  await vm.execCommand("head -c 3000000 /dev/zero > /written; sync");
  const after = (await vm.stats()).vmm;
  if (!before || !after) throw new Error("Firecracker counts");
  expect(after.disk.writtenBytes).toBeGreaterThan(before.disk.writtenBytes);
  expect(after.disk.flushes).toBeGreaterThan(before.disk.flushes);
  expect(after.vsock?.rxBytes).toBeGreaterThan(before.vsock?.rxBytes ?? 0);
  expect(after.at).toBeGreaterThanOrEqual(before.at);
  const kept = (await world.bandsox.measureVms()).find(({ id }) => id === vm.id);
  expect(kept?.stats).toMatchObject({ at: after.at, disk: after.disk });
  const dir = join(world.storage, "vms", vm.id);
  expect(existsSync(join(dir, "vmm.log"))).toBe(true);
});

test("memory is taken from a guest and given back, and a clone has as little of it", async ({ skip }) => {
  const takes = async (of: Vm, mib: number) =>
    expect
      .poll(async () => (await of.stats()).vmm?.reclaimed, { timeout: 60_000 })
      .toEqual({
        targetMib: mib,
        actualMib: mib,
      });
  await takes(vm, 0);
  await vm.reclaimMemory(32).catch((error: Error) => {
    if (error.message.includes("no virtio-balloon driver")) skip(error.message); // of a real guest's kernel
    throw error;
  });
  await takes(vm, 32);
  const { id } = await vm.snapshot();
  const clone = await world.bandsox.snapshots.restore(id);
  await takes(clone, 32);
  expect(await said(clone, "echo on")).toBe("on");
  await clone.reclaimMemory(0);
  await takes(clone, 0);
  await clone.delete();
  await world.bandsox.snapshots.delete(id);
  const gives = await new Told(world).whole("vm reclaim", "first", "0");
  expect(gives).toEqual({ id: vm.id, reclaimMib: 0 });
  await takes(vm, 0);
});

test("another process uses, stops and starts it; the disk stays", async () => {
  await vm.execCommand("echo disk > /disk; sync");
  expect(await world.cli("exec", "first", "cat", "/disk")).toMatchObject({ code: 0, stdout: "disk\n" });
  expect(await world.cli("vm", "stop", "first")).toMatchObject({ code: 0 });
  expect(await vm.info()).toMatchObject({ state: "stopped" });
  expect(world.leftovers()).toEqual([]);
  expect(await world.cli("vm", "start", "first")).toMatchObject({ code: 0 });
  expect(await said(vm, "cat /disk")).toBe("disk");
});

test("a guest that reboots has ended its VM", async () => {
  await vm.execCommand("busybox reboot -f").catch(() => undefined); // it is gone before it can answer
  await expect.poll(async () => (await vm.info()).state, { timeout: 30_000 }).toBe("stopped");
  expect(world.leftovers()).toEqual([]);
});
