import { stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildOciLayout } from "./support/oci-layout.ts";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  const layout = await buildOciLayout(world.dir, await busyboxRoot(world.dir), {});
  image = `oci:${layout}:latest`;
});
afterAll(() => world[Symbol.asyncDispose]());

const text = (content: Uint8Array) => Buffer.from(content).toString();

test("the files of a stopped VM are read without starting it", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  await vm.exec("echo changed > /etc/new; rm /bin/yes; ln -s /etc/new /link; sync");
  await expect(world.bandsox.openVmDisks(vm.id)).rejects.toMatchObject({ code: "vm_wrong_state" });
  await vm.stop();
  await using disks = await world.bandsox.openVmDisks(vm.id);
  expect(text(await disks.files.read("/link"))).toBe("changed\n");
  const names = (await disks.files.list("/bin")).map(({ name }) => name);
  expect(names).toContain("busybox");
  expect(names).not.toContain("yes");
  expect((await disks.files.list("/")).map(({ name }) => name)).not.toContain("lost+found");
});

test("what a VM that was killed had synced is there", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  await vm.exec("echo kept > /kept; sync");
  await vm.stop({ graceMs: 0 });
  await using disks = await world.bandsox.openVmDisks(vm.id);
  expect(text(await disks.files.read("/kept"))).toBe("kept\n");
});

test("the files of an image are read without a VM", async () => {
  await using disk = await world.bandsox.openImageDisk(image);
  expect(await disk.files.stat("/bin/sh")).toMatchObject({ type: "symlink", target: "busybox" });
  expect((await disk.files.stat("/bin/busybox")).size).toBe((await stat("/bin/busybox")).size);
});

test("the disk of a stopped VM grows, keeps what is on it, and does not shrink", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128, diskSizeMib: 64 });
  await vm.exec("head -c 1000000 /dev/zero > /file; echo kept > /kept");
  expect(await world.cli("vm", "grow", vm.id, "1g")).toMatchObject({
    code: 125,
    stderr: expect.stringContaining("it is running"),
  });
  await vm.stop();
  expect(await world.cli("vm", "grow", vm.id, "1g")).toMatchObject({
    code: 0,
    stdout: `${vm.id} has 1024 MiB\n`,
  });
  expect(await vm.info()).toMatchObject({ diskSizeMib: 1024 });
  const layer = join(world.storage, "vms", vm.id, "layer.ext4");
  await execa("/usr/sbin/e2fsck", ["-f", "-n", layer]);
  const { stdout } = await execa("/usr/sbin/dumpe2fs", ["-h", layer]);
  expect(stdout).toMatch(/^Block count: +262144$/m);
  expect((await stat(layer)).blocks * 512).toBeLessThan(64 * 1024 * 1024);
  expect(await world.cli("vm", "grow", vm.id, "512m")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("do not shrink"),
  });
  await using disks = await world.bandsox.openVmDisks(vm.id);
  expect(text(await disks.files.read("/kept"))).toBe("kept\n");
});
