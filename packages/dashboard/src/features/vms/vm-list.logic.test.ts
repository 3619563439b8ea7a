import type { VmInfo } from "@bandsox/contract";
import { expect, test } from "vitest";
import { visibleVms } from "./vm-list.logic.ts";

const vm = (fields: Partial<VmInfo>): VmInfo =>
  ({
    id: "vm_1",
    name: "one",
    image: "alpine",
    state: "running",
    metadata: {},
    memMib: 256,
    createdAt: "2026-01-01",
    ...fields,
  }) as VmInfo;
const view = { search: "", states: [], sort: "createdAt", isDescending: true } as const;

const vms = [
  vm({ name: "web", metadata: { team: "Blue", nested: { a: 1 } }, createdAt: "2026-01-02" }),
  vm({ name: "db", image: "postgres:17", state: "stopped", memMib: 1024 }),
];
const names = (list: VmInfo[]) => list.map(({ name }) => name);

test("all words of a search are to be found, in any case", () => {
  expect(names(visibleVms(vms, { ...view, search: "POST stop" }))).toEqual(["db"]);
  expect(visibleVms(vms, { ...view, search: "post running" })).toEqual([]);
});

test("key=value looks into the metadata", () => {
  expect(names(visibleVms(vms, { ...view, search: "team=blue" }))).toEqual(["web"]);
  expect(names(visibleVms(vms, { ...view, search: "nested=" }))).toEqual(["web"]);
});

test("states filter, and the order is as chosen", () => {
  expect(names(visibleVms(vms, { ...view, states: ["stopped"] }))).toEqual(["db"]);
  expect(names(visibleVms(vms, { ...view, sort: "memMib" }))).toEqual(["db", "web"]);
  expect(names(visibleVms(vms, view))).toEqual(["web", "db"]);
});
