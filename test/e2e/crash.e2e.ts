import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readdirSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, finish, openWorld, type World } from "./support/world.ts";

const BANDSOX = resolve(import.meta.dirname, "../../bandsox");

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
  expect(await world.cli("run", "--mem", "128", image, "true")).toMatchObject({ code: 0 });
});
afterAll(() => world[Symbol.asyncDispose]());

const STEPS = ["layer.ext4", "supervisor.json", "channel.sock", "agent.sock"] as const;

describe("kill -9 of the creating process", () => {
  test.for(STEPS)("once %s exists: the state is true and nothing is orphaned", async (file) => {
    const child = world.start("create", "--mem", "128", image);
    const vmDir = await appears(join(world.storage, "vms"), (name) => name.startsWith("vm_"));
    await appears(vmDir, (name) => name === file);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await once(child, "close");
    const listed = JSON.parse((await world.cli("vm", "list", "--json")).stdout);
    expect(listed).toMatchObject([{ state: "failed", failure: expect.stringContaining("died") }]);
    expect(world.leftovers()).toEqual([]);
    expect(existsSync(vmDir)).toBe(false);
    expect(await world.cli("vm", "delete", listed[0].id)).toMatchObject({ code: 0 });
  });
});

test("kill -9 while a golden is taken: its machine is ended, and the next create takes another", async () => {
  const child = world.start("create", "--mem", "136", image);
  const signature = () => globSync("staging/*/vmm/supervisor.json", { cwd: world.storage });
  await expect.poll(signature, { timeout: 60_000, interval: 5 }).toHaveLength(1);
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await once(child, "close");
  const [{ id }] = JSON.parse((await world.cli("vm", "list", "--json")).stdout);
  expect(world.leftovers()).toEqual([]);
  expect(readdirSync(join(world.storage, "staging"))).toEqual([]);
  expect(await world.cli("vm", "delete", id)).toMatchObject({ code: 0 });
  expect(await world.cli("run", "--mem", "136", image, "echo", "again")).toMatchObject({ stdout: "again\n" });
});

test("SIGINT in mid-create removes what was made and ends with 130", async () => {
  const child = world.start("create", "--mem", "128", image);
  const vmDir = await appears(join(world.storage, "vms"), (name) => name.startsWith("vm_"));
  await appears(vmDir, (name) => name === "agent.sock");
  child.kill("SIGINT");
  expect(await finish(child)).toMatchObject({ code: 130, stdout: "" });
  expect(readdirSync(join(world.storage, "vms"))).toEqual([]);
  expect((await world.cli("vm", "list", "-q")).stdout).toBe("");
});

test("SIGINT in mid-run stops the command, removes the VM and ends with 130", async () => {
  const child = world.start("run", "--mem", "128", image, "sh", "-c", "echo up; sleep 1000");
  await once(child.stdout ?? child, "data");
  child.kill("SIGINT");
  expect(await finish(child)).toMatchObject({ code: 130 });
  expect((await world.cli("vm", "list", "-q")).stdout).toBe("");
  expect(world.leftovers()).toEqual([]);
});

test.each([
  ["verify", "file-ops", "--image", "IMAGE"],
  ["bench", "B02", "--quick"],
])("SIGINT ends `%s` with 130, and the VMs it works with", async (...args) => {
  const env = { ...process.env, BANDSOX_STORAGE: world.storage, TMPDIR: world.dir, NO_COLOR: "1" };
  const words = args.map((word) => (word === "IMAGE" ? image : word));
  const child = spawn(BANDSOX, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const machines = () => world.leftovers().filter((line) => line.includes("qemu-system"));
  await expect.poll(machines, { timeout: 90_000 }).not.toEqual([]);
  child.kill("SIGINT");
  expect(await finish(child)).toMatchObject({ code: 130, stdout: "" });
  expect(world.leftovers()).toEqual([]);
  expect(await world.bandsox.listVms()).toEqual([]);
  expect(readdirSync(world.dir).filter((name) => name.startsWith("bandsox-bench-"))).toEqual([]);
});

test("a VMM that is killed leaves a VM that failed, with the reason, and no supervisor", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  const qemu = world.leftovers().find((line) => line.includes("qemu-system")) ?? "";
  process.kill(Number(qemu.split(":")[0]), "SIGKILL");
  await expect.poll(async () => (await vm.info()).state, { timeout: 10_000 }).toBe("failed");
  expect((await vm.info()).failure).toContain("SIGKILL");
  expect(world.leftovers()).toEqual([]);
  await vm.delete();
});

test("a supervisor that is killed takes its VMM with it", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  const supervisor = world.leftovers().find((line) => line.includes("bandsox-supervise")) ?? "";
  process.kill(Number(supervisor.split(":")[0]), "SIGKILL");
  await expect.poll(() => world.leftovers(), { timeout: 10_000 }).toEqual([]);
  expect(await vm.info()).toMatchObject({ state: "failed" });
  await vm.delete();
});

test("a guest that powers itself off leaves a stopped VM", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128 });
  await vm.execCommand("busybox poweroff -f").catch(() => undefined); // the guest is gone before it can answer
  await expect.poll(async () => (await vm.info()).state, { timeout: 20_000 }).toBe("stopped");
  await vm.delete();
});

/** Waits until a directory holds a name that fits. @returns its path */
async function appears(dir: string, fits: (name: string) => boolean): Promise<string> {
  const find = () => (existsSync(dir) ? readdirSync(dir) : []).find(fits);
  const watching = watch(dir, { signal: AbortSignal.timeout(60_000) });
  let found = find();
  if (found === undefined) {
    for await (const _ of watching) {
      found = find();
      if (found !== undefined) break;
    }
  }
  return join(dir, found ?? "");
}
