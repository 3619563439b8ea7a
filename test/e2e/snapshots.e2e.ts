import { once } from "node:events";
import { existsSync, globSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Vm } from "bandsox";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const CYCLES = 20;
const CLOCK_ERROR_MS = 100;

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  const root = await busyboxRoot(world.dir);
  writeFileSync(join(root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  image = `dir:${root}`;
});
afterAll(() => world[Symbol.asyncDispose]());
afterEach(async () => {
  for (const { id } of await world.bandsox.listVms()) await (await world.bandsox.getVm(id)).delete();
  for (const { id } of await world.bandsox.snapshots.list()) await world.bandsox.snapshots.delete(id);
});

const create = () => world.bandsox.createVm(image, { memMib: 128 });
const inGuest = async (vm: Vm, command: string) => (await vm.exec(command)).stdout.trim();

/** A shell that keeps a number in its memory, and one on the disk. */
async function startCounter(vm: Vm): Promise<void> {
  await vm.sessions.start(["sh"], { stdin: true });
}

/** Sets both numbers, or only tells them. */
async function counter(vm: Vm, set?: number): Promise<string> {
  const [only] = await vm.sessions.list();
  const session = await vm.sessions.get(only?.id ?? "");
  const mark = Math.random().toString(36).slice(2);
  const change = set === undefined ? "" : `N=${set}; echo ${set} > /n; `;
  await session.write(`${change}echo "${mark} $N $(cat /n)"\n`);
  let said = "";
  for await (const event of session.attach()) {
    if (event.type === "stdout") said += Buffer.from(event.data).toString();
    const answer = new RegExp(`${mark} (.*)\n`).exec(said)?.[1];
    if (answer !== undefined) return answer;
  }
  throw new Error("the counter ended");
}

test(`memory and disk agree after each of ${CYCLES} snapshots, changes and ways back`, async () => {
  let vm = await create();
  await startCounter(vm);
  await vm.execCommand("head -c 300000 /dev/urandom > /dev/shm/memory; head -c 300000 /dev/urandom > /disk");
  const sums = await inGuest(vm, "md5sum /dev/shm/memory /disk");
  let last = await vm.snapshot({ diff: true });
  expect(last.kind).toBe("difference");
  expect(last.sizeBytes).toBeLessThan((await vm.snapshot()).sizeBytes / 2);
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    expect(await counter(vm, cycle)).toBe(`${cycle} ${cycle}`);
    const snapshot = await vm.snapshot({ diff: cycle % 3 > 0 });
    expect(snapshot.kind).toBe(cycle % 3 > 0 ? "difference" : "whole");
    const { id } = snapshot;
    await world.bandsox.snapshots.delete(last.id, { force: true }); // also one that this differs from
    last = snapshot;
    await counter(vm, cycle + 1000);
    await vm.execCommand("echo broken > /dev/shm/memory; echo broken > /disk; sync");
    if (cycle % 2 === 0) {
      await vm.rollback(id);
    } else {
      const next = await world.bandsox.snapshots.restore(id);
      await vm.delete();
      vm = next;
    }
    expect(await counter(vm)).toBe(`${cycle} ${cycle}`);
    expect(await inGuest(vm, "md5sum /dev/shm/memory /disk")).toBe(sums);
  }
  await vm.delete();
});

test("eight that go on from one snapshot at once are eight machines, and know the time", async () => {
  const vm = await create();
  const { id } = await vm.snapshot();
  await vm.delete();
  const clones = await Promise.all(Array.from({ length: 8 }, () => world.bandsox.snapshots.restore(id)));
  const seen = await Promise.all(
    clones.map((clone) =>
      inGuest(
        clone,
        "cat /etc/machine-id /run/bandsox-restore-id; hostname; head -c 16 /dev/urandom | md5sum; cat /proc/sys/kernel/random/uuid",
      ),
    ),
  );
  for (let line = 0; line < 5; line++)
    expect(new Set(seen.map((text) => text.split("\n")[line])).size, `line ${line}`).toBe(8);
  for (const clone of clones) {
    const before = Date.now();
    await clone.execCommand("echo > /touched");
    const { mtimeMs } = await clone.files.stat("/touched");
    expect(mtimeMs).toBeGreaterThan(before - CLOCK_ERROR_MS);
    expect(mtimeMs).toBeLessThan(Date.now() + CLOCK_ERROR_MS);
    await clone.delete();
  }
  await world.bandsox.snapshots.delete(id);
});

test("children of a fork go on each for themselves, and so does their parent", async () => {
  const vm = await create();
  await startCounter(vm);
  await counter(vm, 7);
  const results = await vm.fork({ count: 3 });
  const children = results.flatMap((one) => ("vm" in one ? [one.vm] : []));
  expect(children).toHaveLength(3);
  await Promise.all(children.map((child, index) => counter(child, 100 + index)));
  for (const [index, child] of children.entries())
    expect(await counter(child)).toBe(`${100 + index} ${100 + index}`);
  expect(await counter(vm)).toBe("7 7");
  const { id } = await (children[0] as Vm).snapshot(); // its memory's file has no name any more
  const grandchild = await world.bandsox.snapshots.restore(id);
  expect(await counter(grandchild)).toBe("100 100");
  for (const one of [vm, ...children, grandchild]) await one.delete();
  await world.bandsox.snapshots.delete(id);
});

test("a paused VM stands still, keeps its memory, and knows the time when it goes on", async () => {
  const vm = await create();
  await startCounter(vm);
  await counter(vm, 3);
  await vm.pause();
  const { id } = await vm.snapshot();
  expect(await vm.info()).toMatchObject({ state: "paused" });
  await expect(vm.exec("true")).rejects.toMatchObject({ code: "vm_wrong_state" });
  await vm.resume();
  expect(await counter(vm)).toBe("3 3");
  const before = Date.now();
  await vm.execCommand("echo > /touched");
  expect((await vm.files.stat("/touched")).mtimeMs).toBeGreaterThan(before - CLOCK_ERROR_MS);
  const clone = await world.bandsox.snapshots.restore(id);
  expect(await counter(clone)).toBe("3 3");
  for (const one of [vm, clone]) await one.delete();
  await world.bandsox.snapshots.delete(id);
});

test("the command line stops, starts, saves, restores, rolls back and forks", async () => {
  const cli = async (...args: string[]) => {
    const result = await world.cli(...args);
    expect(result, args.join(" ")).toMatchObject({ code: 0 });
    return result.stdout.trim();
  };
  const vm = await cli("create", "-q", "--mem", "128", "--name", "box", image);
  await cli("exec", "box", "sh", "-c", "echo kept > /f; sync");
  await cli("vm", "stop", "box");
  expect(await cli("vm", "start", "box")).toBe(vm);
  expect(await cli("exec", "box", "cat", "/f")).toBe("kept");
  const snapshot = await cli("vm", "save", "box", "first");
  expect(JSON.parse(await cli("snapshot", "info", "--json", "first"))).toMatchObject({
    id: snapshot,
    vmName: "box",
  });
  await cli("exec", "box", "sh", "-c", "echo changed > /f");
  const clones = (await cli("snapshot", "restore", "first", "--count", "2")).split("\n");
  for (const clone of clones) expect(await cli("exec", clone, "cat", "/f")).toBe("kept");
  expect(await world.cli("snapshot", "delete", "first")).toMatchObject({
    code: 125,
    stderr: expect.stringContaining(clones[0] ?? ""),
  });
  const saved = await cli("snapshot", "create", "--diff", "box");
  expect(JSON.parse(await cli("snapshot", "info", "--json", saved))).toMatchObject({ kind: "difference" });
  await cli("snapshot", "delete", saved);
  await cli("snapshot", "rollback", "box", "first");
  expect(await cli("exec", "box", "cat", "/f")).toBe("kept");
  const child = await cli("vm", "fork", "box");
  expect(await cli("exec", child, "cat", "/f")).toBe("kept");
  await cli("vm", "rename", "box", "crate");
  await cli("vm", "pause", "crate");
  expect(await cli("vm", "info", "crate")).toMatch(/^state +paused$/m);
  await cli("vm", "resume", "crate");
  await cli("snapshot", "delete", "--force", "first");
  expect(await cli("snapshot", "list", "-q")).toBe("");
  expect(await cli("exec", clones[0] ?? "", "cat", "/f")).toBe("kept");
  await cli("vm", "delete", "crate", child, ...clones);
  expect(await world.cli("snapshot", "restore", "first", "--count", "0")).toMatchObject({ code: 2 });
});

describe("kill -9 of the process that", () => {
  /** Starts a command, and kills it once a file exists below the storage. */
  async function killOnce(pattern: string, ...args: string[]): Promise<void> {
    const there = new Set(globSync(pattern, { cwd: world.storage }));
    const child = world.start(...args);
    const appeared = () => globSync(pattern, { cwd: world.storage }).some((path) => !there.has(path));
    await expect.poll(appeared, { timeout: 30_000, interval: 1 }).toBe(true);
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await once(child, "close");
  }

  const whole = async () => JSON.parse((await world.cli("snapshot", "list", "--json")).stdout);

  test.for([
    "staging/*/snapshot/vmlinux",
    "staging/*/snapshot/memory",
    "staging/*/snapshot/layer.ext4",
    "snapshots/snap_*",
  ])("takes a snapshot, once there is %s: there is all of it or none, and its VM runs", async (pattern) => {
    const vm = await create();
    await startCounter(vm);
    await counter(vm, 5);
    await killOnce(pattern, "snapshot", "create", vm.id);
    const [found] = await whole();
    const dirs = existsSync(join(world.storage, "snapshots"))
      ? readdirSync(join(world.storage, "snapshots"))
      : [];
    expect(dirs).toEqual(found ? [found.id] : []);
    expect(readdirSync(join(world.storage, "staging"))).toEqual([]);
    expect(await counter(vm)).toBe("5 5");
    if (found) {
      const clone = await world.bandsox.snapshots.restore(found.id);
      expect(await counter(clone)).toBe("5 5");
      await clone.delete();
      await world.bandsox.snapshots.delete(found.id);
    }
    await vm.delete();
  });

  test.for(["vms/*/layer.ext4", "vms/*/supervisor.json", "vms/*/agent.sock"])(
    "restores, once there is %s: nothing runs of it, and the snapshot serves the next",
    async (pattern) => {
      const vm = await create();
      const { id } = await vm.snapshot();
      await vm.delete();
      await killOnce(pattern, "snapshot", "restore", id);
      const listed = await world.bandsox.listVms();
      expect(listed).toMatchObject([{ state: "failed", failure: expect.stringContaining("died") }]);
      expect(world.leftovers()).toEqual([]);
      for (const left of listed) await (await world.bandsox.getVm(left.id)).delete();
      const next = await world.bandsox.snapshots.restore(id);
      expect(await next.execCommand("true")).toBe(0);
      await next.delete();
      await world.bandsox.snapshots.delete(id);
    },
  );

  test("rolls back: the VM is stopped with one disk or the other, and starts", async () => {
    const vm = await create();
    await vm.execCommand("echo then > /f; sync");
    const { id } = await vm.snapshot();
    await vm.execCommand("echo now > /f; sync");
    await killOnce(`vms/${vm.id}/layer.ext4.new`, "snapshot", "rollback", vm.id, id);
    const { state } = await vm.info();
    expect(["running", "stopped"]).toContain(state);
    if (state === "stopped") await vm.start();
    expect(["then", "now"]).toContain(await inGuest(vm, "cat /f"));
    await vm.rollback(id);
    expect(await inGuest(vm, "cat /f")).toBe("then");
    await vm.delete();
    await world.bandsox.snapshots.delete(id);
  });

  test("forks: no child is half made, and nothing stays in staging", async () => {
    const vm = await create();
    await killOnce("vms/*/agent.sock", "vm", "fork", "-n", "3", vm.id);
    for (const { id, state } of await world.bandsox.listVms()) {
      if (state === "failed") continue; // it was being made
      expect(await inGuest(await world.bandsox.getVm(id), "echo whole")).toBe("whole");
    }
    expect(readdirSync(join(world.storage, "staging"))).toEqual([]);
    expect(await inGuest(vm, "echo on")).toBe("on");
    for (const { id } of await world.bandsox.listVms()) await (await world.bandsox.getVm(id)).delete();
    expect(world.leftovers()).toEqual([]);
  });
});
