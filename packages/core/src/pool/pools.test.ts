import { existsSync, readdirSync } from "node:fs";
import { BandSoxError, VmSpec } from "@bandsox/contract";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { vmPaths } from "../host/paths.ts";
import { createVm } from "../vm/create-vm.ts";
import { reconcile } from "../vm/reconcile.ts";
import { deleteVm } from "../vm/stop-vm.ts";
import { Vm } from "../vm/vm.ts";
import { Pools } from "./pools.ts";

const SHAPE = { image: "alpine", memMib: 128, diskSizeMib: 64 };
const spec = (more: object = {}) => VmSpec.parse({ ...SHAPE, ...more });

async function world() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine());
  const ports = stack.use(await fakePorts(path, engine));
  const vmDirs = () => (existsSync(ports.paths.vmsDir) ? readdirSync(ports.paths.vmsDir) : []);
  return {
    ...{ engine, ports, vmDirs, pools: new Pools(ports) },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("a VM that fits a pool is taken from it, with a name and an environment of its own", async () => {
  await using w = await world();
  const pool = await w.pools.set({ ...SHAPE, size: 2 });
  expect(pool).toMatchObject({ ready: 2, filling: 0, hits: 0, misses: 0, refills: 2 });
  const kept = w.vmDirs();
  expect(w.ports.records.list()).toEqual([]);
  const stages: string[] = [];
  const made = await createVm(w.ports, spec({ name: "mine", env: { A: "1" } }), {
    onStage: (stage) => stages.push(stage),
  });
  expect(kept).toContain(made.id);
  expect(stages).toEqual(["image", "agent"]);
  const vm = new Vm(w.ports, made.id);
  expect(await vm.info()).toMatchObject({ name: "mine", state: "running", env: { A: "1" }, memMib: 128 });
  expect((await vm.exec(["echo", "hi"])).stdout).toBe("hi\n");
  expect(w.ports.refilled).toEqual([pool.id]);
  expect(await w.pools.fill()).toMatchObject([{ ready: 2, hits: 1, misses: 0, refills: 3 }]);
  await deleteVm(w.ports, made.id);
  await w.pools.remove("alpine");
  expect([w.vmDirs(), w.ports.ledger.list(), await w.pools.list()]).toEqual([[], [], []]);
});

test("however many want the last one, one gets it, and the others are made", async () => {
  await using w = await world();
  await w.pools.set({ ...SHAPE, size: 1 });
  const [pooled] = w.vmDirs();
  const made = await Promise.all(Array.from({ length: 5 }, () => createVm(w.ports, spec())));
  expect(new Set(made.map(({ id }) => id)).size).toBe(5);
  expect(made.filter(({ id }) => id === pooled)).toHaveLength(1);
  expect(await w.pools.list()).toMatchObject([{ ready: 0, hits: 1, misses: 4 }]);
});

test("a VM of another shape, or one that shall boot, is none of the pool's", async () => {
  await using w = await world();
  await w.pools.set({ ...SHAPE, size: 1 });
  await createVm(w.ports, spec({ memMib: 256 }));
  await createVm(w.ports, spec({ boot: "cold" }));
  expect(await w.pools.list()).toMatchObject([{ ready: 1, hits: 0, misses: 0 }]);
  expect(w.ports.refilled).toEqual([]);
});

test("a taken name leaves the pool's VM in the pool", async () => {
  await using w = await world();
  await createVm(w.ports, spec({ name: "taken" }));
  await w.pools.set({ ...SHAPE, size: 1 });
  await expect(createVm(w.ports, spec({ name: "taken" }))).rejects.toMatchObject({ code: "vm_name_taken" });
  expect(await w.pools.list()).toMatchObject([{ ready: 1, hits: 0 }]);
});

test("a pooled VM whose VMM has died is not given to anybody, and goes", async () => {
  await using w = await world();
  await w.pools.set({ ...SHAPE, size: 1 });
  const [dead = ""] = w.vmDirs();
  await w.engine.crash(`${w.ports.paths.vmsDir}/${dead}`, { exitCode: 1 });
  const made = await createVm(w.ports, spec());
  expect(made.id).not.toBe(dead);
  expect(await w.pools.list()).toMatchObject([{ ready: 0, hits: 0, misses: 1 }]);
  expect(w.vmDirs()).toEqual([made.id]);
});

test("VMs that go on from what was replaced are made anew", async () => {
  await using w = await world();
  await w.pools.set({ ...SHAPE, size: 1 });
  const [old] = w.vmDirs();
  w.engine.shape = () => "newer";
  expect((await createVm(w.ports, spec())).id).not.toBe(old);
  await w.pools.fill();
  expect(w.vmDirs()).not.toContain(old);
  expect(await w.pools.list()).toMatchObject([{ ready: 1, misses: 1 }]);
});

test("a smaller pool lets go of what is too much", async () => {
  await using w = await world();
  await w.pools.set({ ...SHAPE, size: 3 });
  expect(await w.pools.set({ ...SHAPE, size: 1 })).toMatchObject({ size: 1, ready: 1 });
  expect(w.vmDirs()).toHaveLength(1);
});

test("a VM that cannot be made for a pool leaves nothing behind", async () => {
  await using w = await world();
  await createVm(w.ports, spec());
  const there = w.vmDirs();
  w.engine.beforeBoot = ({ vmId }) => {
    throw new BandSoxError("engine_unavailable", "no", { engine: vmId, reason: "test" });
  };
  await expect(w.pools.set({ ...SHAPE, size: 1 })).rejects.toMatchObject({ code: "engine_unavailable" });
  expect(w.vmDirs()).toEqual(there);
  expect(await w.pools.list()).toMatchObject([{ size: 1, ready: 0, filling: 0 }]);
});

test.for(["filling", "taken"] as const)(
  "a process that dies while a VM is %s leaves it to the next, which removes it",
  async (state) => {
    await using w = await world();
    const { id: poolId } = await w.pools.set({ ...SHAPE, size: 1 });
    const [vm] = w.ports.pools.vms();
    if (!vm) throw new Error("there is no VM in the pool");
    w.ports.pools.forgetVm(vm.id);
    w.ports.pools.insertVm({ ...vm, state });
    await reconcile(w.ports);
    expect([w.vmDirs(), w.ports.ledger.list(), w.ports.pools.vms(poolId)]).toEqual([[], [], []]);
    expect(existsSync(vmPaths(w.ports.paths, vm.id).dir)).toBe(false);
  },
);

test("what cannot be is refused", async () => {
  await using w = await world();
  await expect(w.pools.set({ ...SHAPE, size: -1 })).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(w.pools.set({ ...SHAPE, size: 1000 })).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(w.pools.set({ image: "", size: 1 })).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(w.pools.remove("alpine")).rejects.toMatchObject({ code: "pool_not_found" });
});
