import { readFileSync, writeFileSync } from "node:fs";
import { MOVES, type VmAction, type VmState } from "@bandsox/contract";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { vmPaths } from "../host/paths.ts";
import { takeSnapshot } from "../snapshot/take-snapshot.ts";
import { createVm } from "./create-vm.ts";
import { reconcile } from "./reconcile.ts";
import { Vm } from "./vm.ts";

async function world() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine());
  const ports = stack.use(await fakePorts(path, engine));
  const spec = {
    image: "alpine",
    vcpu: 1,
    memMib: 128,
    diskSizeMib: 64,
    networking: false,
    boot: "golden",
  } as const;
  const create = async () => new Vm(ports, (await createVm(ports, { ...spec, env: {}, metadata: {} })).id);
  return { engine, ports, create, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a stopped VM starts again from the disk it had", async () => {
  await using w = await world();
  const vm = await w.create();
  const { layerDisk } = vmPaths(w.ports.paths, vm.id);
  writeFileSync(layerDisk, "what it had written");
  await vm.stop();
  await vm.start();
  expect(await vm.info()).toMatchObject({ state: "running" });
  expect(readFileSync(layerDisk, "utf8")).toBe("what it had written");
  expect((await vm.exec(["echo", "again"])).stdout).toBe("again\n");
});

test("a VM that does not start stays as it was, with the reason told", async () => {
  await using w = await world();
  const vm = await w.create();
  await vm.stop();
  w.engine.beforeBoot = () => {
    throw new Error("no such luck");
  };
  await expect(vm.start()).rejects.toThrow("no such luck");
  expect(await vm.info()).toMatchObject({ state: "stopped" });
  w.engine.beforeBoot = () => {};
  await vm.start();
  expect(await vm.info()).toMatchObject({ state: "running" });
});

test("a VM that crashed starts again, and its failure is forgotten", async () => {
  await using w = await world();
  const vm = await w.create();
  await w.engine.crash(vmPaths(w.ports.paths, vm.id).dir, { exitCode: 1, reason: "boom" });
  expect(await vm.info()).toMatchObject({ state: "failed", failure: expect.stringContaining("boom") });
  await vm.start();
  expect(await vm.info()).toMatchObject({ state: "running" });
  expect((await vm.info()).failure).toBeUndefined();
});

test("commands are refused while a VM is paused, and run again after; both twice are once", async () => {
  await using w = await world();
  const vm = await w.create();
  await vm.pause();
  await vm.pause();
  await expect(vm.exec(["true"])).rejects.toMatchObject({
    code: "vm_wrong_state",
    details: { state: "paused" },
  });
  await vm.resume();
  await vm.resume();
  expect((await vm.exec(["echo", "on"])).stdout).toBe("on\n");
});

test("a paused VM is stopped and deleted like a running one", async () => {
  await using w = await world();
  const [one, two] = [await w.create(), await w.create()];
  for (const vm of [one, two]) await vm.pause();
  await one.stop();
  expect(await one.info()).toMatchObject({ state: "stopped" });
  await two.delete();
  expect(w.ports.records.list().map(({ id }) => id)).toEqual([one.id]);
});

test("names are unique, and metadata is replaced", async () => {
  await using w = await world();
  const [one, two] = [await w.create(), await w.create()];
  await one.rename("alpha");
  await expect(two.rename("alpha")).rejects.toMatchObject({
    code: "vm_name_taken",
    details: { vmId: one.id },
  });
  await expect(two.rename("../x")).rejects.toMatchObject({ code: "invalid_argument" });
  await one.rename("alpha");
  expect(await one.setMetadata({ a: [1, { b: null }] })).toMatchObject({
    name: "alpha",
    metadata: { a: [1, { b: null }] },
  });
  expect(await one.setMetadata({ c: "'); DROP TABLE vms; --" })).toMatchObject({
    metadata: { c: "'); DROP TABLE vms; --" },
  });
  expect(await one.updateMetadata({ d: { e: 1 }, c: null, f: null })).toMatchObject({
    metadata: { d: { e: 1 } },
  });
  const tooMuch = one.updateMetadata({ g: "x".repeat(70_000) });
  await expect(tooMuch).rejects.toMatchObject({ code: "invalid_argument" });
  expect((await one.info()).metadata).toEqual({ d: { e: 1 } });
});

/** What a process that died left in a row, and what the next one makes of it. */
test.for<[left: VmState, isThere: boolean, becomes: VmState]>([
  ["starting", true, "stopped"],
  ["starting", false, "stopped"],
  ["restoring", true, "stopped"],
  ["pausing", true, "paused"],
  ["resuming", true, "running"],
  ["pausing", false, "stopped"],
  ["paused", true, "paused"],
  ["paused", false, "stopped"],
])("a VM left %s, its VMM there: %s, is %s at the next reconcile", async ([left, isThere, becomes]) => {
  await using w = await world();
  const vm = await w.create();
  if (!isThere) await w.engine.crash(vmPaths(w.ports.paths, vm.id).dir, { exitCode: 0 });
  w.ports.records.move(vm.id, "running", left);
  await reconcile(w.ports);
  expect(w.ports.records.find(vm.id)?.state).toBe(becomes);
  expect(w.engine.find(vmPaths(w.ports.paths, vm.id)) !== undefined).toBe(
    ["paused", "running"].includes(becomes),
  );
});

const ACTIONS = ["start", "stop", "pause", "resume", "roll back", "delete", "crash", "power off"] as const;
type Action = (typeof ACTIONS)[number];
/** What each thing that can be done means in the table, and where that leads once it has passed. */
const ENDS: Partial<Record<VmState, VmState>> = {
  ...{ starting: "running", restoring: "running", stopping: "stopped" },
  ...{ pausing: "paused", resuming: "running" },
};

test("whatever is done in whatever order, a VM does what the table says", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...ACTIONS), { maxLength: 12 }), async (actions) => {
      await using w = await world();
      const vm = await w.create();
      const snapshot = await takeSnapshot(w.ports, vm.id);
      let state: VmState = "running";
      for (const action of actions) {
        const wanted = expectedOf(state, action);
        const done = await act(w, vm, { action, snapshot: snapshot.id }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (wanted === undefined) {
          expect(done).toMatchObject({ code: "vm_wrong_state", details: { state } });
        } else {
          expect(done).toBeUndefined();
          state = wanted;
        }
        if (state === "deleting") break;
        expect((await vm.info()).state).toBe(state);
      }
    }),
    { numRuns: 40 },
  );
});

function expectedOf(state: VmState, action: Action): VmState | undefined {
  const hasVmm = state === "running" || state === "paused";
  if (action === "crash") return hasVmm ? "failed" : state;
  if (action === "power off") return hasVmm ? "stopped" : state;
  const row: Partial<Record<VmAction, VmState>> = MOVES[state];
  const to = row[action];
  return to && (ENDS[to] ?? to);
}

async function act(
  { engine, ports }: Awaited<ReturnType<typeof world>>,
  vm: Vm,
  { action, snapshot }: { action: Action; snapshot: string },
): Promise<void> {
  const { dir } = vmPaths(ports.paths, vm.id);
  if (action === "crash") return engine.crash(dir, { exitCode: 1 });
  if (action === "power off") return engine.crash(dir, { exitCode: 0 });
  if (action === "roll back") return vm.rollback(snapshot);
  return vm[action]();
}
