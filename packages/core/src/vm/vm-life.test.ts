import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { VmSpec } from "@bandsox/contract";
import {
  FAKE_DIGEST,
  type FakeAgentOptions,
  fakeEngine,
  fakePorts,
  temporaryDirectory,
} from "@bandsox/testkit";
import { describe, expect, test } from "vitest";
import { vmPaths } from "../host/paths.ts";
import { ownIdentity } from "../host/process-identity.ts";
import { processOwner } from "../store/ledger.ts";
import { createVm } from "./create-vm.ts";
import { reconcile } from "./reconcile.ts";
import { deleteVm, stopVm } from "./stop-vm.ts";
import { Vm } from "./vm.ts";
import { vmKey } from "./vm-ports.ts";

type World = Awaited<ReturnType<typeof world>>;

async function world(agentOptions: FakeAgentOptions = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine(agentOptions));
  const ports = stack.use(await fakePorts(path, engine));
  return { engine, ports, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
const spec = (more: object = {}) => VmSpec.parse({ image: "alpine", ...more });

describe("creating", () => {
  test("a VM runs, knows its image, and answers through any handle", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec({ name: "web" }));
    const vm = new Vm(w.ports, id);
    expect(await vm.info()).toMatchObject({
      id,
      name: "web",
      state: "running",
      imageDigest: FAKE_DIGEST,
      memMib: 256,
    });
    expect(await vm.exec(["echo", "hi"])).toMatchObject({ stdout: "hi\n", exitCode: 0 });
  });

  const failures: [string, object, (w: World) => void][] = [
    ["the image is unknown", { code: "image_not_found" }, (w) => void w.ports.removedImages.add("alpine")],
    [
      "the boot fails",
      { message: "no" },
      (w) => {
        w.engine.beforeBoot = () => Promise.reject(new Error("no"));
      },
    ],
  ];
  test.for(failures)("nothing is left when %s", async ([, error, arrange]) => {
    await using w = await world();
    arrange(w);
    await expect(createVm(w.ports, spec())).rejects.toMatchObject(error);
    expect(w.ports.records.list()).toEqual([]);
    expect(w.ports.ledger.list()).toEqual([]);
    expect(existsSync(w.ports.paths.vmsDir) ? readdirSync(w.ports.paths.vmsDir) : []).toEqual([]);
  });

  test("a taken name is refused and the holder lives on", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec({ name: "web" }));
    await expect(createVm(w.ports, spec({ name: "web" }))).rejects.toMatchObject({
      code: "vm_name_taken",
      details: { vmId: id },
    });
    expect(await new Vm(w.ports, id).exec(["true"])).toMatchObject({ exitCode: 0 });
  });

  test("a clean-up that fails does not hide why the VM was not made, and is finished later", async () => {
    await using w = await world();
    w.engine.beforeBoot = () => Promise.reject(new Error("no"));
    const { terminate } = w.engine;
    w.engine.terminate = () => Promise.reject(new Error("still there"));
    await expect(createVm(w.ports, spec({ boot: "cold" }))).rejects.toThrow("no");
    const [record] = w.ports.records.list();
    expect(record?.state).toBe("creating");
    expect(w.ports.warnings).toEqual([expect.stringContaining("still there")]);

    w.engine.terminate = terminate;
    await reconcile(w.ports);
    expect(w.ports.records.list().map(({ state }) => state)).toEqual(["failed"]);
    expect(w.ports.ledger.list()).toEqual([]);
  });

  test("networking that the engine lacks is refused before anything is made", async () => {
    await using w = await world();
    await expect(createVm(w.ports, spec({ networking: true }))).rejects.toMatchObject({
      code: "networking_unavailable",
    });
    expect(w.ports.records.list()).toEqual([]);
  });

  test("stages are told in order, each once", async () => {
    await using w = await world();
    const stages: string[] = [];
    await createVm(w.ports, spec(), { onStage: (stage) => stages.push(stage) });
    expect(stages).toEqual(["image", "disk", "golden", "vmm", "restore", "agent"]);
    stages.length = 0;
    await createVm(w.ports, spec({ boot: "cold" }), { onStage: (stage) => stages.push(stage) });
    expect(stages).toEqual(["image", "disk", "vmm", "kernel", "agent"]);
  });
});

describe("ending", () => {
  test("a stopped VM keeps its disk and refuses commands; stopping again is nothing", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    await stopVm(w.ports, id);
    await stopVm(w.ports, id);
    const paths = vmPaths(w.ports.paths, id);
    expect(existsSync(paths.layerDisk)).toBe(true);
    expect(existsSync(paths.agentSocket)).toBe(false);
    await expect(new Vm(w.ports, id).exec(["true"])).rejects.toMatchObject({
      code: "vm_wrong_state",
      details: { state: "stopped" },
    });
  });

  test.for([
    ["stop", stopVm],
    ["delete", deleteVm],
  ] as const)("an interrupted %s leaves the VM as it was", async ([, end]) => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    await expect(end(w.ports, id, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "interrupted",
    });
    const controller = new AbortController();
    const engine = () => {
      controller.abort(); // after the VM's lock was got
      return w.engine;
    };
    await expect(end({ ...w.ports, engine }, id, { signal: controller.signal })).rejects.toMatchObject({
      code: "interrupted",
    });
    expect(w.ports.records.find(id)?.state).toBe("running");
  });

  test("a stop that is interrupted under way still lets the guest power itself off", async () => {
    const controller = new AbortController();
    await using w = await world({
      beforePowerOff: async () => {
        controller.abort();
        for (let turn = 0; turn < 100; turn++) await setImmediate(); // whoever heeds the signal acts meanwhile
      },
    });
    const { id } = await createVm(w.ports, spec());
    await stopVm(w.ports, id, { signal: controller.signal });
    expect(w.engine.findExit(vmPaths(w.ports.paths, id))).toMatchObject({ exitCode: 0, requested: false });
    expect(w.ports.records.find(id)?.state).toBe("stopped");
  });

  test.for([-1, 0.5, 300_001, Number.NaN])("a grace of %d ms is refused", async (graceMs) => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    await expect(stopVm(w.ports, id, { graceMs })).rejects.toMatchObject({
      code: "invalid_argument",
      details: { field: "graceMs" },
    });
    expect(w.ports.records.find(id)?.state).toBe("running");
  });

  test("a deleted VM leaves nothing, and its name is free", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec({ name: "web" }));
    await deleteVm(w.ports, id);
    expect(existsSync(vmPaths(w.ports.paths, id).dir)).toBe(false);
    expect(w.ports.ledger.list()).toEqual([]);
    await createVm(w.ports, spec({ name: "web" }));
  });
});

describe("reconciling", () => {
  test("a VM whose guest powered itself off is stopped", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    await w.engine.crash(vmPaths(w.ports.paths, id).dir, { exitCode: 0 });
    await reconcile(w.ports);
    expect(w.ports.records.find(id)).toMatchObject({ state: "stopped" });
  });

  test("a VM whose VMM crashed has failed and says how", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    await w.engine.crash(vmPaths(w.ports.paths, id).dir, { exitCode: null, signal: "SIGSEGV" });
    expect(await new Vm(w.ports, id).info()).toMatchObject({
      state: "failed",
      failure: expect.stringContaining("SIGSEGV"),
    });
    expect(w.ports.ledger.list().filter(({ kind }) => kind === "supervisor")).toEqual([]);
  });

  test.for([
    ["creating", "failed"],
    ["stopping", "stopped"],
    ["deleting", undefined],
  ] as const)("what a dead process left %s becomes %s", async ([left, becomes]) => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    w.ports.records.move(id, "running", left);
    await reconcile(w.ports);
    expect(w.ports.records.find(id)?.state).toBe(becomes);
    expect(w.engine.find(vmPaths(w.ports.paths, id))).toBeUndefined();
    expect(existsSync(vmPaths(w.ports.paths, id).layerDisk)).toBe(left === "stopping");
  });

  test("a VM that a living process is creating is left to it", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec());
    w.ports.records.move(id, "running", "creating");
    using _lock = w.ports.leases.tryAcquire(vmKey(id));
    await reconcile(w.ports);
    expect(w.ports.records.find(id)?.state).toBe("creating");
    expect(w.engine.find(vmPaths(w.ports.paths, id))).toBeDefined();
  });

  test("what cannot be settled keeps its entries and is warned of, the rest is settled", async () => {
    await using w = await world();
    const ids = [];
    for (let made = 0; made < 3; made++) ids.push((await createVm(w.ports, spec())).id);
    const stuck = vmPaths(w.ports.paths, ids[1]!);
    for (const id of ids) w.ports.records.move(id, "running", "deleting");
    const unremovable = `/${"x".repeat(5000)}`;
    const owner = processOwner({ ...ownIdentity(), startTime: "1" });
    w.ports.ledger.record({ owner, kind: "directory", locator: unremovable });
    w.ports.ledger.record({ owner, kind: "directory", locator: `${w.ports.paths.root}/gone` });
    const { terminate } = w.engine;
    w.engine.terminate = async (paths) => {
      if (paths.dir === stuck.dir) throw new Error("still there");
      await terminate(paths);
    };
    await reconcile(w.ports);
    expect(w.ports.records.list().map(({ id }) => id)).toEqual([ids[1]]);
    expect(w.ports.ledger.list().map(({ locator }) => locator)).toEqual([
      stuck.dir,
      stuck.supervisor,
      unremovable,
    ]);
    expect(w.ports.warnings).toEqual([
      expect.stringContaining("still there"),
      expect.stringContaining("ENAMETOOLONG"),
    ]);
  });

  test.for([
    ["dead", undefined],
    ["living", "running"],
  ] as const)("an ephemeral VM whose process is %s becomes %s", async ([process, becomes]) => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec(), { ephemeral: true });
    const kept = await createVm(w.ports, spec());
    const identity = process === "dead" ? { ...ownIdentity(), startTime: "1" } : ownIdentity();
    expect(w.ports.ledger.list()).toContainEqual({ owner: processOwner(), kind: "vm", locator: id });
    w.ports.ledger.record({ owner: processOwner(identity), kind: "vm", locator: id });
    await reconcile(w.ports);
    expect(w.ports.records.find(id)?.state).toBe(becomes);
    expect(existsSync(vmPaths(w.ports.paths, id).dir)).toBe(becomes !== undefined);
    expect(w.ports.ledger.list().some(({ locator }) => locator.includes(id))).toBe(becomes !== undefined);
    expect(w.ports.records.find(kept.id)?.state).toBe("running");
    await deleteVm(w.ports, kept.id);
  });

  test("an ephemeral VM that is deleted, or never made, is forgotten", async () => {
    await using w = await world();
    const { id } = await createVm(w.ports, spec({ name: "web" }), { ephemeral: true });
    await expect(createVm(w.ports, spec({ name: "web" }), { ephemeral: true })).rejects.toMatchObject({
      code: "vm_name_taken",
    });
    await deleteVm(w.ports, id);
    expect(w.ports.ledger.list()).toEqual([]);
  });

  test("the staging directory of a dead process is removed, that of a living one kept", async () => {
    await using w = await world();
    const make = (name: string, identity: object) => {
      const locator = `${w.ports.paths.root}/staging/${name}`;
      mkdirSync(locator, { recursive: true });
      w.ports.ledger.record({ owner: `process:${JSON.stringify(identity)}`, kind: "directory", locator });
      return locator;
    };
    const dead = make("dead", { ...ownIdentity(), startTime: "1" });
    const living = make("living", ownIdentity());
    await reconcile(w.ports);
    expect([existsSync(dead), existsSync(living)]).toEqual([false, true]);
  });
});

test("following a VM's console ends with the VM", async () => {
  await using w = await world();
  const { id } = await createVm(w.ports, spec());
  const vm = new Vm(w.ports, id);
  const { console } = vmPaths(w.ports.paths, id);
  writeFileSync(console, "up\n");
  const following = Array.fromAsync(vm.consoleLog({ follow: true }));
  await w.engine.crash(vmPaths(w.ports.paths, id).dir, { exitCode: 0 });
  writeFileSync(console, "down\n", { flag: "a" });
  expect((await following).join("")).toBe("up\ndown\n");
  expect((await Array.fromAsync(vm.consoleLog({ follow: true }))).join("")).toBe("up\ndown\n");
  writeFileSync(vmPaths(w.ports.paths, vm.id).vmmLog, "a warning\n");
  expect((await Array.fromAsync(vm.vmmLog())).join("")).toBe("a warning\n");
});

describe("a VM whose row is damaged", () => {
  async function damaged(column: string, value: string) {
    const stack = new AsyncDisposableStack();
    const w = stack.use(await world());
    const [{ id }, other] = [await createVm(w.ports, spec()), await createVm(w.ports, spec())];
    await stopVm(w.ports, id);
    const database = new DatabaseSync(w.ports.paths.database);
    database.prepare(`UPDATE vms SET ${column} = ? WHERE id = ?`).run(value, id);
    database.close();
    return { ...w, id, other, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  test.for([
    ["spec", "{"],
    ["spec", '{"image":"alpine","vcpu":-1}'],
    ["image_config", "nothing"],
    ["state", "dreaming"],
  ] as const)("%s = %s is told, takes no other with it, and is deleted", async ([column, value]) => {
    await using w = await damaged(column, value);
    const listed = w.ports.records.list();
    expect(listed.map(({ id }) => id).toSorted()).toEqual([w.id, w.other.id].toSorted());
    expect(listed.find(({ id }) => id === w.id)?.failure).toContain(column);
    const vm = new Vm(w.ports, w.id);
    for (const work of [() => vm.start(), () => vm.rename("new"), () => vm.snapshot()])
      await expect(work()).rejects.toMatchObject({ code: "vm_damaged" });
    await reconcile(w.ports);
    expect(w.ports.warnings).toEqual([]);
    await vm.delete();
    expect(w.ports.records.list().map(({ id }) => id)).toEqual([w.other.id]);
    expect(existsSync(vmPaths(w.ports.paths, w.id).dir)).toBe(false);
  });
});
