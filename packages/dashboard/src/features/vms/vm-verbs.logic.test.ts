import { expect, test } from "vitest";
import { canDo, idsAllowing } from "./vm-verbs.logic.ts";

test("a running VM can be stopped, paused and saved, not started", () => {
  expect(canDo("stop", "running")).toBe(true);
  expect(canDo("pause", "running")).toBe(true);
  expect(canDo("snapshot", "running")).toBe(true);
  expect(canDo("start", "running")).toBe(false);
});

test("a move to where the VM is already is nothing to offer", () => {
  expect(canDo("pause", "paused")).toBe(false);
  expect(canDo("stop", "stopped")).toBe(false);
  expect(canDo("resume", "running")).toBe(false);
});

test("a VM that failed can be started again and rolled back", () => {
  expect(canDo("start", "failed")).toBe(true);
  expect(canDo("roll back", "failed")).toBe(true);
});

test("of many VMs, a verb reaches those that it does something to", () => {
  const vms = [
    { id: "a", state: "running" },
    { id: "b", state: "stopped" },
  ] as const;
  expect(idsAllowing(vms, "stop")).toEqual(["a"]);
  expect(idsAllowing(vms, "delete")).toEqual(["a", "b"]);
});
