import type { CreateVmOptions, Vm } from "bandsox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, type World } from "../e2e/support/world.ts";
import { isReal } from "./support/binary.ts";
import { openFirecrackerWorld } from "./support/use-firecracker.ts";

if (!isReal) process.stderr.write("skipped: disks are held to their limits by a real Firecracker only\n");

describe.skipIf(!isReal)("a disk's limits", () => {
  let world: World;
  let image: string;

  beforeAll(async () => {
    world = await openFirecrackerWorld();
    image = `dir:${await busyboxRoot(world.dir)}`;
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const create = (limits: CreateVmOptions) => world.bandsox.createVm(image, { memMib: 128, ...limits });
  const throttled = async (vm: Vm) => (await vm.stats()).vmm?.disk.throttled;
  /** How long a command takes, in ms. */
  async function timed(vm: Vm, command: string): Promise<number> {
    const begun = performance.now();
    expect(await vm.execCommand(command)).toBe(0);
    return performance.now() - begun;
  }
  const WRITE_6_MIB = "busybox dd if=/dev/zero of=/written bs=65536 count=96 conv=fsync 2>/dev/null";
  const SYNC_60_TIMES = "n=0; while [ $n -lt 60 ]; do echo $n > /small; sync; n=$((n + 1)); done";

  test("of bytes a second hold for a VM from a golden that has none, and for its clones", async () => {
    const vm = await create({ diskBandwidthMbps: 1 });
    expect(await timed(vm, WRITE_6_MIB)).toBeGreaterThan(4000); // the first MiB is free
    expect(await throttled(vm)).toBeGreaterThan(0);
    const { id } = await vm.snapshot();
    const clone = await world.bandsox.snapshots.restore(id);
    expect(await timed(clone, WRITE_6_MIB)).toBeGreaterThan(4000);
    await clone.delete();
    await vm.delete();
    await world.bandsox.snapshots.delete(id);
  });

  test("of operations a second hold", async () => {
    const vm = await create({ diskIops: 20 });
    expect(await timed(vm, SYNC_60_TIMES)).toBeGreaterThan(2000);
    expect(await throttled(vm)).toBeGreaterThan(0);
    await vm.delete();
  });

  test("that are lifted hold nothing up", async () => {
    const vm = await create({ diskBandwidthMbps: 0, diskIops: 0 });
    await timed(vm, WRITE_6_MIB);
    await timed(vm, SYNC_60_TIMES);
    expect(await throttled(vm)).toBe(0);
    await vm.delete();
  });
});
