import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { createVm } from "../vm/create-vm.ts";
import { Vm } from "../vm/vm.ts";
import { storedSnapshot } from "./snapshot-files.ts";
import { Snapshots } from "./snapshots.ts";

/** A VM with a first snapshot, and a second one that is kept as what differs from it. */
async function world() {
  await using stack = new AsyncDisposableStack();
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
    boot: "cold",
    ...{ env: {}, metadata: {} },
  } as const;
  const vm = new Vm(ports, (await createVm(ports, spec)).id);
  const first = await vm.snapshot({ diff: true });
  const second = await vm.snapshot({ diff: true });
  const files = storedSnapshot(ports.paths, second.id);
  const held = stack.move();
  return {
    path,
    engine,
    ports,
    snapshots,
    vm,
    first,
    second,
    files,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

test("the first of a VM that has nothing to differ from is whole, the next a difference that takes less", async () => {
  await using w = await world();
  expect([w.first.kind, w.second.kind]).toEqual(["whole", "difference"]);
  expect(w.second.sizeBytes).toBeLessThan(w.first.sizeBytes);
  expect(existsSync(w.files.memory)).toBe(false);
  expect(await w.snapshots.inspect(w.second.id)).toMatchObject({ compatibility: { here: true } });
  expect((await w.vm.snapshot()).kind).toBe("whole");
});

test("a difference stands without the snapshot it differs from, and becomes whole when a VM goes on from it", async () => {
  await using w = await world();
  const { memory } = storedSnapshot(w.ports.paths, w.first.id);
  const content = readFileSync(memory, "utf8");
  await w.snapshots.delete(w.first.id);
  const clone = await w.snapshots.restore(w.second.id);
  expect((await clone.info()).state).toBe("running");
  expect(readFileSync(w.files.memory, "utf8")).toBe(content);
  expect([existsSync(w.files.memoryBase), existsSync(w.files.memoryDiff)]).toEqual([false, false]);
  expect(await w.snapshots.inspect(w.second.id)).toMatchObject({
    kind: "whole",
    sizeBytes: w.first.sizeBytes,
  });
  expect(JSON.parse(readFileSync(w.files.manifest, "utf8"))).toMatchObject({ kind: "whole" });
});

test("a difference that this machine cannot go on from stays one", async () => {
  await using w = await world();
  w.engine.shape = () => "another";
  await expect(w.snapshots.restore(w.second.id)).rejects.toMatchObject({ code: "snapshot_incompatible" });
  expect((await w.snapshots.inspect(w.second.id)).kind).toBe("difference");
});

test("a difference that cannot be written is no reason to have no snapshot", async () => {
  await using w = await world();
  const full = new BandSoxError("disk_full", "no space left", { path: "/" });
  w.ports.differences.write = async () => Promise.reject(full);
  const third = await w.vm.snapshot({ diff: true });
  expect(third.kind).toBe("whole");
  expect(w.ports.warnings).toEqual(["no space left; keeping the snapshot whole"]);
  const { memory, memoryBase } = storedSnapshot(w.ports.paths, third.id);
  expect([existsSync(memory), existsSync(memoryBase)]).toEqual([true, false]);
});

test("a VM is rolled back to a difference", async () => {
  await using w = await world();
  await w.vm.rollback(w.second.id);
  expect(await w.vm.info()).toMatchObject({ state: "running", snapshotId: w.second.id });
  expect((await w.snapshots.inspect(w.second.id)).kind).toBe("whole");
});

test("one that was being made whole when its process died is, by whoever comes next", async () => {
  await using w = await world();
  linkSync(w.files.memoryBase, w.files.memory); // published, and nothing more
  rmSync(w.files.memoryDiff);
  await w.snapshots.restore(w.second.id);
  expect(existsSync(w.files.memoryBase)).toBe(false);
  expect((await w.snapshots.inspect(w.second.id)).kind).toBe("whole");
});

test.each(["gone", "garbage"] as const)(
  "a difference that is %s is told as damage, and nothing is made",
  async (how) => {
    await using w = await world();
    if (how === "gone") rmSync(w.files.memoryDiff);
    else writeFileSync(w.files.memoryDiff, "garbage");
    await expect(w.snapshots.restore(w.second.id)).rejects.toMatchObject({ code: "snapshot_damaged" });
    await expect(w.vm.rollback(w.second.id)).rejects.toMatchObject({ code: "snapshot_damaged" });
    expect(w.ports.records.list().map(({ id, state }) => ({ id, state }))).toEqual([
      { id: w.vm.id, state: "running" },
    ]);
    expect((await w.snapshots.inspect(w.second.id)).kind).toBe("difference");
  },
);

test("a difference leaves the storage whole", async () => {
  await using w = await world();
  await w.snapshots.export(w.second.id, join(w.path, "exported"));
  expect(await w.snapshots.import(join(w.path, "exported"), { name: "again" })).toMatchObject({
    kind: "whole",
  });
  expect((await w.snapshots.inspect(w.second.id)).kind).toBe("whole");
});
