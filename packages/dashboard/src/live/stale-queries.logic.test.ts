import type { VmId } from "@bandsox/contract";
import { expect, test } from "vitest";
import { staleAfter } from "./stale-queries.logic.ts";

const vmId = "vm_000000000000" as VmId;

test("a VM that changed is looked at again, and so is the list", () => {
  expect(staleAfter({ type: "vm.paused", vmId })).toEqual([["vms"], ["vm", vmId]]);
});

test("a VM that is gone changes who uses snapshots and images", () => {
  expect(staleAfter({ type: "vm.deleted", vmId }).map(([key]) => key)).toContain("images");
});

test("commands that run make no list stale", () => {
  expect(staleAfter({ type: "exec.started", vmId })).toEqual([]);
});
