import { VmId, VmSpec, type VmState } from "@bandsox/contract";
import { expect, test } from "vitest";
import type { VmRecord } from "../store/vm-records.ts";
import { filterVms } from "./filter-vms.ts";

const METADATA = [{ team: "a", tags: ["x", { deep: 1 }] }, { team: "b" }, { team: "a" }, {}] as const;
const STATES: readonly VmState[] = ["running", "stopped", "stopped", "failed"];
const records: VmRecord[] = METADATA.map((metadata, n) => ({
  ...{ id: VmId.parse(`vm_00000000000${n}`), name: `vm${n}`, state: STATES[n] ?? "failed", engine: "qemu" },
  ...{ spec: VmSpec.parse({ image: "alpine", metadata }), createdAt: new Date(n).toISOString() },
}));
const names = (filter: Parameters<typeof filterVms>[1]) => filterVms(records, filter).map(({ name }) => name);

test("VMs are found by metadata that is exactly what is asked for, and by state", () => {
  expect(names({})).toEqual(["vm0", "vm1", "vm2", "vm3"]);
  expect(names({ metadata: { team: "a" } })).toEqual(["vm0", "vm2"]);
  expect(names({ metadata: { team: "a", tags: ["x", { deep: 1 }] } })).toEqual(["vm0"]);
  expect(names({ metadata: { tags: ["x"] } })).toEqual([]);
  expect(names({ metadata: { toString: "a" } })).toEqual([]);
  expect(names({ states: ["stopped"], metadata: { team: "b" } })).toEqual(["vm1"]);
});

test("the limit counts those that fit", () => {
  expect(names({ limit: 1, metadata: { team: "a" } })).toEqual(["vm0"]);
  expect(names({ limit: 9, states: ["stopped"] })).toEqual(["vm1", "vm2"]);
});
