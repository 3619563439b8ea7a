import { existsSync, readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { VmSpec } from "@bandsox/contract";
import {
  dyingPorts,
  type FakeEngine,
  type FakePorts,
  fakeEngine,
  fakePorts,
  MEMORY_DIR,
  temporaryDirectory,
} from "@bandsox/testkit";
import { expect, test } from "vitest";
import { snapshotPaths, vmPaths } from "../host/paths.ts";
import { Snapshots } from "../snapshot/snapshots.ts";
import { processOwner } from "../store/ledger.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { cleanup } from "./cleanup.ts";
import { createVm } from "./create-vm.ts";
import { reconcile } from "./reconcile.ts";
import { Vm } from "./vm.ts";
import type { VmPorts } from "./vm-ports.ts";

const STEPS_MAX = 500;
const NOBODY = { pid: 0, startTime: "0", bootId: "" };

const create = async (ports: VmPorts) =>
  new Vm(ports, (await createVm(ports, VmSpec.parse({ image: "alpine" }))).id);

type Operation = (ports: VmPorts, vm: Vm) => Promise<unknown>;

/** What is done while the process dies, and what comes before it. */
const OPERATIONS: Record<string, { before?: Operation; work: Operation }> = {
  create: { work: create },
  snapshot: { work: (_, vm) => vm.snapshot() },
  "snapshot as a difference": { work: (_, vm) => vm.snapshot({ diff: true }) },
  "restore a difference": {
    before: (_, vm) => vm.snapshot({ name: "differing", diff: true }),
    work: (ports) => new Snapshots(ports).restore("differing"),
  },
  restore: { work: (ports) => new Snapshots(ports).restore("saved") },
  fork: { work: (_, vm) => vm.fork({ count: 2 }) },
  "roll back": { work: (_, vm) => vm.rollback("saved") },
  "delete snapshot": { work: (ports) => new Snapshots(ports).delete("saved", { force: true }) },
  stop: { work: (_, vm) => vm.stop() },
  start: { before: (_, vm) => vm.stop(), work: (_, vm) => vm.start() },
  pause: { work: (_, vm) => vm.pause() },
  resume: { before: (_, vm) => vm.pause(), work: (_, vm) => vm.resume() },
  rename: { work: (_, vm) => vm.rename("other") },
  "set limits": { work: (_, vm) => vm.setLimits({ timeoutMs: 60_000 }) },
  delete: { work: (_, vm) => vm.delete() },
};

/** Does it in a process that dies before a step. @returns whether it died */
async function dieAt(
  storage: string,
  engine: FakeEngine,
  { operation, step }: { operation: string; step: number },
): Promise<boolean> {
  const inner = await fakePorts(storage, engine);
  using dying = dyingPorts(inner);
  const { before, work } = OPERATIONS[operation] ?? { work: async () => {} };
  const vm = await create(dying.ports);
  await vm.snapshot({ name: "saved" });
  await before?.(dying.ports, vm);
  dying.begin(step);
  const failure = await work(dying.ports, vm).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!dying.isDead) {
    expect(failure).toBeUndefined();
    await inner[Symbol.asyncDispose]();
    return false;
  }
  const database = new DatabaseSync(inner.paths.database);
  database.prepare("UPDATE leases SET holder = ?").run(JSON.stringify(NOBODY));
  database.prepare("UPDATE resources SET owner = ? WHERE owner LIKE 'process:%'").run(processOwner(NOBODY));
  database.close();
  return true;
}

/** Opens the storage as the next process does, and proves that what is there is true, whole, and all there is. */
async function prove(storage: string, engine: FakeEngine): Promise<void> {
  await using ports = await fakePorts(storage, engine);
  await reconcile(ports);
  expect(ports.warnings).toEqual([]);
  expect((await cleanup(ports, { dryRun: true })).left).toEqual([]);
  const { vmsDir, snapshotsDir, stagingDir } = ports.paths;
  const records = ports.records.list();
  for (const record of records) proveTrue(ports, engine, record);
  expect(records.map(({ id }) => id as string)).toEqual(expect.arrayContaining(names(vmsDir)));
  expect(names(stagingDir)).toEqual([]);
  const snapshots = ports.snapshots.list();
  expect(names(snapshotsDir).sort()).toEqual(snapshots.map(({ id }) => id as string).sort());
  for (const { id, manifest } of snapshots) {
    const { memory, memoryBase, memoryDiff, ...others } = snapshotPaths(`${snapshotsDir}/${id}`);
    const isWhole = manifest.kind === "whole" || existsSync(memory); // or about to be
    const files = [...Object.values(others), ...(isWhole ? [memory] : [memoryBase, memoryDiff])];
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  }
  await proveUsable(ports, records);
}

function proveTrue(ports: FakePorts, engine: FakeEngine, { id, state }: VmRecord): void {
  expect(["running", "paused", "stopped", "failed"]).toContain(state);
  const hasVmm = engine.find(vmPaths(ports.paths, id)) !== undefined;
  expect(hasVmm).toBe(state === "running" || state === "paused");
}

/** What is there can be used, and be removed without a rest. */
async function proveUsable(ports: FakePorts, records: readonly VmRecord[]): Promise<void> {
  const snapshots = new Snapshots(ports);
  for (const { id } of await snapshots.list()) await snapshots.restore(id);
  for (const { id, state } of records) {
    const vm = new Vm(ports, id);
    if (state === "stopped") await vm.start();
    if (state === "paused") await vm.resume();
  }
  for (const { id } of ports.records.list()) await new Vm(ports, id).delete();
  for (const { id } of await snapshots.list()) await snapshots.delete(id);
  const { vmsDir, snapshotsDir } = ports.paths;
  expect([...names(vmsDir), ...names(snapshotsDir), ...ports.ledger.list()]).toEqual([]);
}

function names(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

test.for(Object.keys(OPERATIONS))(
  "killed before each step of %s",
  { timeout: 600_000 },
  async (operation) => {
    let step = 1;
    for (let died = true; died && step < STEPS_MAX; step++) {
      await using directory = await temporaryDirectory(MEMORY_DIR);
      await using first = fakeEngine();
      died = await dieAt(directory.path, first, { operation, step });
      // Its machines outlive it, as supervisors do, or die with it, as in a power cut.
      const outlived = step % 2 === 0;
      if (!outlived) await first[Symbol.asyncDispose]();
      await using fresh = fakeEngine();
      await prove(directory.path, outlived ? first : fresh).catch((cause: unknown) => {
        throw new Error(`${operation}, killed before step ${step}: ${cause}`, { cause });
      });
    }
    expect(step).toBeGreaterThan(3);
    expect(step).toBeLessThan(STEPS_MAX);
  },
);
