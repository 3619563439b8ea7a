import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

test("VMs of one golden share nothing they should not: randomness, disk, name, and their time is right", async () => {
  const names = ["one", "two", "three"];
  const vms = await Promise.all(names.map((name) => world.bandsox.createVm(image, { name, memMib: 128 })));
  const seen = await Promise.all(
    vms.map(async (vm) => {
      await vm.execCommand("hostname > /mine");
      const script = "head -c 16 /dev/urandom | md5sum; cat /proc/sys/kernel/random/uuid /mine; hostname";
      return (await vm.exec(script)).stdout.trim().split("\n");
    }),
  );
  for (const column of [0, 1]) expect(new Set(seen.map((lines) => lines[column])).size).toBe(3);
  expect(seen.map((lines) => lines.slice(2))).toEqual(names.map((name) => [name, name]));
  const before = Date.now();
  const uptime = await vms[0]?.exec("date +%s");
  const guestMs = Number(uptime?.stdout) * 1000;
  expect(guestMs).toBeGreaterThan(before - 2000);
  expect(guestMs).toBeLessThan(Date.now() + 1000);
});

test("a VM can boot its kernel instead, and says in its stages which it was", async () => {
  const stages: string[] = [];
  const vm = await world.bandsox.createVm(image, {
    memMib: 128,
    boot: "cold",
    onStage: (stage) => stages.push(stage),
  });
  expect(stages).toEqual(["image", "disk", "vmm", "kernel", "agent"]);
  expect(await vm.execCommand("true")).toBe(0);
});

test("the golden is not written by what runs from it", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  await vm.execCommand("head -c 20000000 /dev/urandom > /dev/shm/fill; md5sum /dev/shm/fill");
  const other = await world.bandsox.createVm(image, { memMib: 128 });
  expect((await other.exec("ls /dev/shm")).stdout).toBe("");
});

test("the files a first command takes are in the golden's memory: they are not read from the disk again", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  const reads = "read -r reads _ < /sys/block/vda/stat; echo $reads";
  const { stdout } = await vm.exec(`${reads}; cat /bin/sh > /dev/null; ${reads}`);
  const [before, after] = stdout.trim().split("\n");
  expect(Number(before)).toBeGreaterThan(0);
  expect(after).toBe(before);
});
