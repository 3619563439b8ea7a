import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { vmPaths } from "../host/paths.ts";
import { createVm } from "../vm/create-vm.ts";
import { reconcile } from "../vm/reconcile.ts";
import { Vm } from "../vm/vm.ts";
import { snapshotImagePins } from "./image-pins.ts";
import { storedSnapshot } from "./snapshot-files.ts";
import { Snapshots } from "./snapshots.ts";

async function world() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine());
  const ports = stack.use(await fakePorts(path, engine));
  const snapshots = new Snapshots(ports);
  const spec = {
    image: "alpine",
    vcpu: 1,
    memMib: 128,
    diskSizeMib: 64,
    networking: false,
    boot: "golden",
  } as const;
  const create = async (name?: string) => {
    const named = name === undefined ? {} : { name };
    return new Vm(
      ports,
      (await createVm(ports, { ...spec, ...named, env: { A: "1" }, metadata: { m: 1 } })).id,
    );
  };
  const disk = (vm: Vm) => vmPaths(ports.paths, vm.id).layerDisk;
  return { engine, ports, snapshots, create, disk, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Nothing but what VMs and snapshots have is written down or lies about. */
function assertNothingLeft({ ports }: Awaited<ReturnType<typeof world>>): void {
  const owned = new Set(ports.records.list().map(({ id }) => id as string));
  expect(ports.ledger.list().filter(({ owner }) => !owned.has(owner))).toEqual([]);
  const known = ports.snapshots.list().map(({ id }) => id);
  const there = existsSync(ports.paths.snapshotsDir) ? readdirSync(ports.paths.snapshotsDir) : [];
  expect(there.toSorted()).toEqual(known.toSorted());
  expect(existsSync(ports.paths.stagingDir) ? readdirSync(ports.paths.stagingDir) : []).toEqual([]);
}

test("a VM made from a snapshot has its disk, and what it was given", async () => {
  await using w = await world();
  const vm = await w.create("source");
  writeFileSync(w.disk(vm), "at the snapshot");
  const taken = await vm.snapshot({ name: "s", metadata: { why: "test" } });
  expect(taken).toMatchObject({
    name: "s",
    vmId: vm.id,
    vmName: "source",
    metadata: { why: "test" },
    clones: [],
  });
  writeFileSync(w.disk(vm), "later");
  await vm.delete();
  const plain = await w.snapshots.restore("s");
  const other = await w.snapshots.restore(taken.id, { name: "other", env: { B: "2" }, metadata: {} });
  expect(readFileSync(w.disk(plain), "utf8")).toBe("at the snapshot");
  expect(await plain.info()).toMatchObject({
    name: plain.id,
    env: { A: "1" },
    metadata: { m: 1 },
    snapshotId: taken.id,
  });
  expect(await other.info()).toMatchObject({
    name: "other",
    env: { B: "2" },
    metadata: {},
    state: "running",
  });
  expect((await w.snapshots.inspect("s")).clones.toSorted()).toEqual([plain.id, other.id].toSorted());
  assertNothingLeft(w);
});

test("a VM made from a snapshot has the limits it is given, and of the others those of the source", async () => {
  await using w = await world();
  const vm = await w.create("source");
  await vm.setLimits({ idleTimeoutMs: 5_000, onIdle: "stop", timeoutMs: 90_000 });
  await vm.snapshot({ name: "s" });
  const same = await (await w.snapshots.restore("s")).info();
  expect(same).toMatchObject({ idleTimeoutMs: 5_000, onIdle: "stop", expiresAt: expect.any(String) });
  const limits = { timeoutMs: 3_600_000, onTimeout: "delete", idleTimeoutMs: null } as const;
  const other = await (await w.snapshots.restore("s", limits)).info();
  expect(other).toMatchObject({ onTimeout: "delete" });
  expect(other.idleTimeoutMs).toBeUndefined();
  const left = new Date(other.expiresAt ?? 0).getTime() - new Date(other.createdAt).getTime();
  expect(Math.abs(left - 3_600_000)).toBeLessThan(5_000);
  const [forked] = await vm.fork({ timeoutMs: null });
  expect(forked && "vm" in forked && (await forked.vm.info()).expiresAt).toBeUndefined();
  await expect(w.snapshots.restore("s", { timeoutMs: 1 })).rejects.toMatchObject({
    code: "invalid_argument",
  });
});

test("a snapshot is found by id, name and start of its id, and by nothing else", async () => {
  await using w = await world();
  const vm = await w.create();
  const [one, two] = [await vm.snapshot({ name: "one" }), await vm.snapshot()];
  expect((await w.snapshots.list()).map(({ id }) => id).toSorted()).toEqual([one.id, two.id].toSorted());
  expect((await w.snapshots.inspect(two.id.slice(5))).id).toBe(two.id);
  await expect(w.snapshots.inspect("snap_")).rejects.toMatchObject({ code: "snapshot_not_found" });
  await expect(w.snapshots.inspect("../one")).rejects.toMatchObject({ code: "snapshot_not_found" });
  await expect(vm.snapshot({ name: "one" })).rejects.toMatchObject({ code: "snapshot_name_taken" });
  await expect(w.snapshots.rename(two.id, "one")).rejects.toMatchObject({ code: "snapshot_name_taken" });
  expect(await w.snapshots.rename("one", "uno")).toMatchObject({ id: one.id, name: "uno" });
  expect(await w.snapshots.setMetadata("uno", { a: 1 })).toMatchObject({ metadata: { a: 1 } });
  assertNothingLeft(w);
});

test("a save that fails leaves nothing, and the VM as it was", async () => {
  await using w = await world();
  const vm = await w.create();
  w.engine.save = () => Promise.reject(new Error("disk on fire"));
  await expect(vm.snapshot()).rejects.toThrow("disk on fire");
  await expect(vm.fork()).rejects.toThrow("disk on fire");
  expect(await w.snapshots.list()).toEqual([]);
  expect(await vm.info()).toMatchObject({ state: "running" });
  assertNothingLeft(w);
});

test("a snapshot that VMs go on from is deleted only by force, and they run on", async () => {
  await using w = await world();
  const { id } = await (await w.create()).snapshot();
  const clone = await w.snapshots.restore(id);
  await expect(w.snapshots.delete(id)).rejects.toMatchObject({
    code: "snapshot_in_use",
    details: { clones: [clone.id] },
  });
  await w.snapshots.delete(id, { force: true });
  expect((await clone.exec(["echo", "alive"])).stdout).toBe("alive\n");
  await expect(w.snapshots.restore(id)).rejects.toMatchObject({ code: "snapshot_not_found" });
  assertNothingLeft(w);
});

test("a clone that stopped does not hold its snapshot", async () => {
  await using w = await world();
  const { id } = await (await w.create()).snapshot();
  const clone = await w.snapshots.restore(id);
  await clone.stop();
  await clone.start();
  await w.snapshots.delete(id);
  expect(await clone.info()).toMatchObject({ state: "running" });
  assertNothingLeft(w);
});

test("a deletion that was cut short is finished at the next reconcile", async () => {
  await using w = await world();
  const { id } = await (await w.create()).snapshot();
  const { dir } = storedSnapshot(w.ports.paths, id);
  w.ports.snapshots.forget(id, dir); // and here the process dies
  expect(existsSync(dir)).toBe(true);
  const left = w.ports.ledger.list().find(({ locator }) => locator === dir);
  const dead = `process:${JSON.stringify({ pid: 1, startTime: "0", bootId: "x" })}`;
  w.ports.ledger.record({ owner: dead, kind: "directory", locator: left?.locator ?? "" });
  await reconcile(w.ports);
  expect(existsSync(dir)).toBe(false);
  assertNothingLeft(w);
});

test("a snapshot whose files are gone, or of another kind of machine, is refused and makes nothing", async () => {
  await using w = await world();
  const vm = await w.create();
  const { id } = await vm.snapshot();
  w.engine.shape = () => "another";
  await expect(w.snapshots.restore(id)).rejects.toMatchObject({ code: "snapshot_incompatible" });
  await expect(vm.rollback(id)).rejects.toMatchObject({ code: "snapshot_incompatible" });
  w.engine.shape = ({ vcpu, memMib }) => `shape-${vcpu}-${memMib}`;
  rmSync(storedSnapshot(w.ports.paths, id).memory);
  await expect(w.snapshots.restore(id)).rejects.toMatchObject({ code: "snapshot_damaged" });
  await expect(vm.rollback(id)).rejects.toMatchObject({ code: "snapshot_damaged" });
  expect(w.ports.records.list()).toHaveLength(1);
  expect(await vm.info()).toMatchObject({ state: "running" });
  assertNothingLeft(w);
});

test("a rollback brings the disk back, to its own VM alone", async () => {
  await using w = await world();
  const [vm, stranger] = [await w.create("mine"), await w.create()];
  writeFileSync(w.disk(vm), "then");
  const { id } = await vm.snapshot();
  writeFileSync(w.disk(vm), "now");
  await expect(stranger.rollback(id)).rejects.toMatchObject({ code: "snapshot_incompatible" });
  await vm.stop();
  await vm.rollback(id);
  expect(readFileSync(w.disk(vm), "utf8")).toBe("then");
  expect(await vm.info()).toMatchObject({ state: "running", name: "mine", snapshotId: id });
  assertNothingLeft(w);
});

test("a rollback whose machine does not start leaves the VM stopped, with the snapshot's disk", async () => {
  await using w = await world();
  const vm = await w.create();
  writeFileSync(w.disk(vm), "then");
  const { id } = await vm.snapshot();
  writeFileSync(w.disk(vm), "now");
  w.engine.beforeBoot = () => {
    throw new Error("no such luck");
  };
  await expect(vm.rollback(id)).rejects.toThrow("no such luck");
  expect(await vm.info()).toMatchObject({ state: "stopped" });
  expect(readFileSync(w.disk(vm), "utf8")).toBe("then");
  assertNothingLeft(w);
});

test("children of a fork are VMs of their own, and each comes up or fails by itself", async () => {
  await using w = await world();
  const vm = await w.create();
  writeFileSync(w.disk(vm), "shared");
  let booted = 0;
  w.engine.beforeBoot = () => {
    if (++booted === 2)
      throw Object.assign(new Error("second"), { name: "BandSoxError", code: "vm_start_failed" });
  };
  const results = await vm.fork({ count: 5 });
  const children = results.flatMap((one) => ("vm" in one ? [one.vm] : []));
  expect([results.length, children.length, new Set(children.map(({ id }) => id)).size]).toEqual([5, 4, 4]);
  for (const child of children) expect(readFileSync(w.disk(child), "utf8")).toBe("shared");
  expect(w.ports.records.list()).toHaveLength(5);
  await expect(vm.fork({ count: 0 })).rejects.toMatchObject({ code: "invalid_argument" });
  assertNothingLeft(w);
});

test("a stopped VM has no machine to save", async () => {
  await using w = await world();
  const vm = await w.create();
  await vm.stop();
  const refused = { code: "vm_wrong_state", details: { state: "stopped", wanted: ["running", "paused"] } };
  await expect(vm.snapshot()).rejects.toMatchObject(refused);
  await expect(vm.fork()).rejects.toMatchObject(refused);
});

test("an image that only a snapshot stands on is pinned", async () => {
  await using w = await world();
  const vm = await w.create();
  const { id, imageDigest } = await vm.snapshot();
  expect(snapshotImagePins(w.ports.snapshots)).toEqual([{ by: id, digest: imageDigest }]);
});

test("a snapshot tells what it occupies, where it comes from, and whether this machine can go on from it", async () => {
  await using w = await world();
  const first = await (await w.create()).snapshot({ name: "first" });
  const second = await (await w.snapshots.restore("first")).snapshot({ name: "second" });
  const third = await (await w.snapshots.restore("second")).snapshot({ name: "third" });
  expect(await w.snapshots.inspect("third")).toMatchObject({
    ancestors: [second.id, first.id],
    children: [],
    compatibility: { class: "qemu/shape-1-128", here: true },
  });
  const { sizes, children } = await w.snapshots.inspect("first");
  expect(children).toEqual([second.id]);
  expect(sizes.memory).toBeGreaterThan(0);
  await w.snapshots.delete("second", { force: true });
  expect((await w.snapshots.inspect(third.id)).ancestors).toEqual([second.id]);
  w.engine.shape = () => "another";
  expect((await w.snapshots.inspect("third")).compatibility).toMatchObject({
    here: false,
    reason: expect.stringContaining("another version of the VMM"),
  });
});
