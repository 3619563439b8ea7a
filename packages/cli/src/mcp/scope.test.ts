import { describe, expect, test } from "vitest";
import { Scope, type ScopeOptions } from "./scope.ts";

const scope = (options: Partial<ScopeOptions> = {}) =>
  new Scope({
    ...{ vms: [], isReadOnly: false, maxVms: 2, maxMemMib: 512, hasNetwork: false, keepsVms: false },
    ...options,
  });
const MINE = { id: "vm_1", name: "mine" };

describe("an agent may use", () => {
  test("no VM but those it made, as long as they are there", () => {
    const agent = scope();
    expect(() => agent.assertVm(MINE)).toThrow("vm_1");
    agent.addVm(MINE.id);
    agent.assertVm(MINE);
    agent.removeVm(MINE.id);
    expect(() => agent.assertVm(MINE)).toThrow("vm_1");
  });

  test.each([{ vms: ["vm_1"] }, { vms: ["mine"] }, { vms: "all" as const }])("%j", (options) => {
    expect(scope(options).hasVm(MINE)).toBe(true);
  });

  test("snapshots it took, and those of VMs it may use", () => {
    const agent = scope({ vms: ["mine"] });
    agent.assertSnapshot({ id: "snap_1", vmId: "vm_9", vmName: "mine" });
    const other = { id: "snap_2", vmId: "vm_2", vmName: "other" };
    expect(() => agent.assertSnapshot(other)).toThrow("snap_2");
    agent.addSnapshot("snap_2");
    agent.assertSnapshot(other);
  });
});

test.for([
  ["python:*", "python:3-alpine", true],
  ["python:*", "evil/python:3", false],
  ["a.c", "abc", false],
  ["*", "dir:/etc", true],
  ["alpine", "alpine:3", false],
] as const)("the pattern %s and the image %s", ([pattern, image, isAllowed]) => {
  const check = () => scope({ images: [pattern] }).assertImage(image);
  if (isAllowed) expect(check).not.toThrow();
  else expect(check).toThrow(image);
});

test("VMs are as large, as many and as connected as the user said", () => {
  const agent = scope();
  agent.assertSize({ memMib: 512, networking: false });
  expect(() => agent.assertSize({ memMib: 513 })).toThrow("512 MiB");
  expect(() => agent.assertSize({ networking: true })).toThrow("network");
  agent.assertRoom(2);
  expect(() => agent.assertRoom(3)).toThrow("2 VMs at once");
  agent.addVm("vm_1");
  expect(() => agent.assertRoom(2)).toThrow("there are 1");
});
