import { cpSync, mkdirSync, renameSync } from "node:fs";
import { VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { isAlive } from "../host/process-identity.ts";
import { CniRecords } from "./cni-records.ts";
import { openDatabase } from "./database.ts";
import { Leases } from "./leases.ts";
import { Ledger, ownerProcess, processOwner } from "./ledger.ts";
import { settlePlace } from "./place.ts";

async function open(root: string) {
  const database = await openDatabase(`${root}/bandsox.db`);
  const whereabouts = settlePlace(database, root);
  const leases = new Leases(database, `${root}/bandsox.db`);
  const parts = { leases, ledger: new Ledger(database), cni: new CniRecords(database) };
  return { whereabouts, ...parts, [Symbol.dispose]: () => database.close() };
}

async function storage() {
  const directory = await temporaryDirectory();
  const root = `${directory.path}/one`;
  mkdirSync(root);
  using opened = await open(root);
  opened.leases.tryAcquire("vm:a");
  opened.ledger.record({ owner: processOwner(), kind: "directory", locator: `${root}/staging/x` });
  opened.ledger.record({ owner: "vm_a", kind: "directory", locator: `${root}/vms/vm_a` });
  const names = { network: "lab", config: "{}", containerId: "one-vm_a", netns: "/run/netns/one-vm_a" };
  opened.cni.begin({ vmId: VmId.parse("vm_aaaaaaaaaaaa"), ...names, ports: "[]" });
  return { root, other: `${directory.path}/other`, [Symbol.asyncDispose]: directory[Symbol.asyncDispose] };
}

test("a storage that is where it was is as it was", async () => {
  await using s = await storage();
  using again = await open(s.root);
  expect(again.whereabouts).toBe("here");
  expect(again.leases.holder("vm:a")).toBeDefined();
});

test("a storage that was moved names its files by their new place, and who works on it still does", async () => {
  await using s = await storage();
  renameSync(s.root, s.other);
  using moved = await open(s.other);
  expect(moved.whereabouts).toBe("moved");
  expect(moved.ledger.list().map(({ locator }) => locator)).toEqual([
    `${s.other}/staging/x`,
    `${s.other}/vms/vm_a`,
  ]);
  expect(moved.cni.list()).toMatchObject([{ netns: "/run/netns/one-vm_a" }]);
  expect(moved.leases.holder("vm:a")).toBeDefined();
});

test("one that was brought back to its own place takes back what bears its names", async () => {
  await using s = await storage();
  renameSync(s.root, s.other);
  cpSync(s.other, s.root, { recursive: true });
  using back = await open(s.root);
  expect(back.whereabouts).toBe("copied");
  expect(back.cni.list()).toMatchObject([{ netns: "/run/netns/one-vm_a" }]);
});

test("a copy has nothing of the original's processes, and never names its files", async () => {
  await using s = await storage();
  cpSync(s.root, s.other, { recursive: true });
  using copy = await open(s.other);
  expect(copy.whereabouts).toBe("copied");
  expect(copy.leases.holder("vm:a")).toBeUndefined();
  expect(copy.cni.list()).toEqual([]);
  const [staging, vm] = copy.ledger.list();
  expect(staging?.locator).toBe(`${s.other}/staging/x`);
  const owner = staging && ownerProcess(staging);
  expect(owner && isAlive(owner)).toBe(false);
  expect(vm).toEqual({ owner: "vm_a", kind: "directory", locator: `${s.other}/vms/vm_a` });
  using original = await open(s.root);
  expect(original.whereabouts).toBe("here");
});
