import { globSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { installJailerDouble } from "@bandsox/testkit";
import { BandSox } from "bandsox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, type World } from "../e2e/support/world.ts";
import { isReal, PATIENCE } from "./support/binary.ts";
import { openFirecrackerWorld } from "./support/use-firecracker.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write("skipped: jails and mount namespaces need root\n");

let world: World;
let image: string;

beforeAll(async () => {
  world = await openFirecrackerWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

const inGuest = async (vm: Awaited<ReturnType<BandSox["createVm"]>>, command: string) =>
  (await vm.exec(command)).stdout.trim();

/** Four machines of one snapshot at once, in this process and in another, each on its own files. */
async function restoresOfOne(bandsox: BandSox): Promise<void> {
  const vm = await bandsox.createVm(image, { memMib: 128 });
  await vm.execCommand("echo origin > /who; echo origin > /dev/shm/who");
  const { id } = await vm.snapshot();
  const here = Promise.all([bandsox.snapshots.restore(id), bandsox.snapshots.restore(id)]);
  const there = world.cli("snapshot", "restore", id, "--count", "2");
  const result = await there;
  expect(result).toMatchObject({ code: 0 });
  const others = await Promise.all(
    result.stdout
      .trim()
      .split("\n")
      .map((other) => bandsox.getVm(other)),
  );
  const clones = [...(await here), ...others];
  expect(clones).toHaveLength(4);
  await Promise.all(clones.map((clone) => clone.execCommand(`echo ${clone.id} > /who; sync`)));
  for (const clone of clones) {
    expect(await inGuest(clone, "cat /who /dev/shm/who")).toBe(`${clone.id}\norigin`);
    expect(await clone.info()).toMatchObject({ transport: "vsock" });
  }
  expect(await inGuest(vm, "cat /who")).toBe("origin");
  for (const one of [...clones, vm]) await one.delete();
  await bandsox.snapshots.delete(id);
}

test("restores of one snapshot at once share no socket and no file, by relative names", async () => {
  await restoresOfOne(world.bandsox);
});

test.skipIf(!isRoot)("nor by one absolute name in mount namespaces of their own", async () => {
  const vsockIsolationDir = join(world.dir, "bsx");
  process.env.BANDSOX_VSOCK_ISOLATION_DIR = vsockIsolationDir;
  process.env.BANDSOX_JAILER = "off"; // in a jail every name is the VMM's own
  try {
    await using bandsox = new BandSox({ storageDir: world.storage });
    await restoresOfOne(bandsox);
    expect(readdirSync(vsockIsolationDir)).toEqual([]); // what is there is there for each VMM alone
    expect(readFileSync("/proc/mounts", "utf8")).not.toContain(vsockIsolationDir);
  } finally {
    delete process.env.BANDSOX_VSOCK_ISOLATION_DIR;
    delete process.env.BANDSOX_JAILER;
  }
});

describe.skipIf(!isRoot || (isReal && !process.env.JAILER_BIN))("a jailed Firecracker", () => {
  test("has its files by other names, its own user, and nothing of the jail stays", async () => {
    const firecracker = process.env.BANDSOX_FIRECRACKER ?? "";
    if (!isReal) await installJailerDouble(dirname(firecracker));
    await using bandsox = new BandSox({ storageDir: world.storage, firecracker, patience: PATIENCE });
    const vm = await bandsox.createVm(image, { memMib: 128, name: "jailed" });
    const dir = join(world.storage, "vms", vm.id);
    const [root = ""] = globSync(join(dir, "jail/*/*/root"));
    expect(statSync(root).uid).toBeGreaterThanOrEqual(0x7000_0000);
    expect(statSync(join(root, "layer.ext4")).ino).toBe(statSync(join(dir, "layer.ext4")).ino);
    expect(statSync(join(root, "layer.ext4")).uid).toBe(statSync(root).uid);
    expect(statSync(join(root, "base.ext4")).uid).toBe(0);
    expect(statSync(join(root, "from.memory")).nlink).toBeGreaterThan(1); // a second name, not a copy
    expect(lstatSync(join(dir, "vsock.sock")).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(dir, "vsock.sock"))).toMatch(/^jail\//);
    await vm.execCommand("echo kept > /kept; echo kept > /dev/shm/kept");
    await vm.pause();
    const { id } = await vm.snapshot();
    await vm.resume();
    for (const name of ["memory", "state"]) {
      const saved = statSync(join(world.storage, "snapshots", id, name));
      expect(saved).toMatchObject({ uid: 0, nlink: 1 });
    }
    const clone = await bandsox.snapshots.restore(id);
    expect(await inGuest(clone, "cat /kept /dev/shm/kept")).toBe("kept\nkept");
    expect(statSync(join(world.storage, "vms", clone.id, "layer.ext4")).uid).not.toBe(statSync(root).uid);
    await clone.delete();
    await vm.stop();
    expect(readdirSync(dir)).not.toContain("jail");
    await vm.start();
    expect(await inGuest(vm, "cat /kept")).toBe("kept");
    await vm.delete();
    await bandsox.snapshots.delete(id);
    expect(world.leftovers()).toEqual([]);
  });

  test("ends with its supervisor, though it is another user's", async () => {
    const vm = await world.bandsox.createVm(image, { memMib: 128 });
    const supervisor = world.leftovers().find((line) => /bandsox-supervise .*launch\.json/.test(line)) ?? "";
    process.kill(Number(supervisor.split(":")[0]), "SIGKILL");
    await expect.poll(() => world.leftovers(), { timeout: 15_000 }).toEqual([]);
    expect(await vm.info()).toMatchObject({ state: "failed" });
    await vm.delete();
  });
});
