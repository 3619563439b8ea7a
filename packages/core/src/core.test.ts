import { writeFileSync } from "node:fs";
import type { VmId } from "@bandsox/contract";
import { fakeEngine, fakePorts, temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { OpenHandles } from "./base/open-handles.ts";
import { coreOf } from "./core.ts";
import { openImages } from "./image/open-images.ts";
import { openCore } from "./open-core.ts";
import { openDatabase } from "./store/database.ts";

async function world() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const engine = stack.use(fakeEngine());
  const ports = stack.use(await fakePorts(path, engine));
  const database = stack.adopt(await openDatabase(ports.paths.database), (opened) => opened.close());
  const handles = new OpenHandles();
  const images = openImages({
    ...{ ...ports, database, helperPath: "/nonexistent", platform: "linux/amd64" },
    pins: () => [],
  });
  const core = coreOf(ports, {
    ...{ images, handles },
    resources: { [Symbol.asyncDispose]: () => ports[Symbol.asyncDispose]() },
  });
  return { engine, ports, core, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("closing during a create interrupts it, and leaves nothing of it", async () => {
  await using w = await world();
  const booting = Promise.withResolvers<VmId>();
  w.engine.beforeBoot = ({ vmId, signal }) => {
    booting.resolve(vmId);
    return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));
  };
  const creating = w.core.createVm({ image: "alpine" });
  creating.catch(() => {}); // looked at below
  const id = await booting.promise;
  await w.core[Symbol.asyncDispose]();
  await expect(creating).rejects.toThrow("aborted");
  await using after = await fakePorts(w.ports.paths.root, w.engine);
  expect([after.records.list(), after.ledger.list()]).toEqual([[], []]);
  expect(after.leases.holder(`vm:${id}`)).toBeUndefined();
});

test("a closed storage refuses every call, also through handles from before", async () => {
  await using w = await world();
  const vm = await w.core.createVm({ image: "alpine" });
  await w.core[Symbol.asyncDispose]();
  const calls = [
    () => w.core.createVm({ image: "alpine" }),
    () => w.core.getVm(vm.id),
    () => w.core.listVms(),
    () => w.core.hasImage("alpine"),
    () => w.core.imageCommand(vm),
    () => w.core.images.list(),
    () => w.core.images.pull("alpine"),
    () => w.core.images.prune(),
    () => w.core.openVmDisks(vm.id),
    () => w.core.growDisk(vm.id, 8192),
    () => vm.info(),
    () => vm.exec(["true"]),
    () => vm.execCommand(["true"]),
    () => vm.execStream(["true"]).next(),
    () => vm.stop(),
    () => vm.delete(),
  ];
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "storage_closed" });
});

test("closing ends a command that is running, and does not wait for a stream nobody reads", async () => {
  await using w = await world();
  const vm = await w.core.createVm({ image: "alpine" });
  const stream = vm.execStream(["sh", "-c", "echo begun; sleep 60"]);
  await stream.next();
  const running = vm.exec(["sleep", "60"]);
  running.catch(() => {}); // looked at below
  await w.core[Symbol.asyncDispose]();
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
  await expect(stream.next()).rejects.toMatchObject({ code: "interrupted" });
});

test("a storage that becomes unusable under a call is named as such", async () => {
  await using w = await world();
  writeFileSync(w.ports.paths.vmsDir, "not a directory");
  await expect(w.core.createVm({ image: "alpine" })).rejects.toMatchObject({
    code: "storage_unavailable",
    details: { path: expect.stringContaining(w.ports.paths.vmsDir) },
  });
});

test("a storage that cannot be written is unavailable", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(`${directory.path}/file`, "");
  const storageDir = `${directory.path}/file/storage`;
  await expect(openCore({ storageDir, binDir: "/nonexistent" })).rejects.toMatchObject({
    code: "storage_unavailable",
    details: { path: `${storageDir}/bandsox.db` },
  });
});

test("listing is interrupted by its signal", async () => {
  await using w = await world();
  await w.core.createVm({ image: "alpine" });
  await expect(w.core.listVms({ signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "interrupted",
  });
});

test("deleting that waits for its turn is interrupted by its signal", async () => {
  await using w = await world();
  const vm = await w.core.createVm({ image: "alpine" });
  const controller = new AbortController();
  using _held = await w.ports.leases.acquire(`vm:${vm.id}`);
  const deleting = vm.delete({ signal: controller.signal });
  controller.abort();
  await expect(deleting).rejects.toMatchObject({ code: "interrupted" });
  expect(await vm.info()).toMatchObject({ state: "running" });
});

test("opening warns of what it could not settle, and opens", async () => {
  await using directory = await temporaryDirectory();
  await using before = await fakePorts(directory.path, fakeEngine());
  before.ledger.record({ owner: "process:not an identity", kind: "directory", locator: "/nowhere" });
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  await using core = await openCore({ storageDir: directory.path, binDir: "/nonexistent", onWarning });
  expect(warnings).toEqual([expect.stringContaining("/nowhere")]);
  expect(await core.listVms()).toEqual([]);
});
