import { NetworkSpec } from "@bandsox/contract";
import { expect, test } from "vitest";
import { missingCapabilities, whyNot } from "./may-connect.ts";

test.for([
  ["000001ffffffffff", []],
  ["00000000a80425fb", ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]],
  ["00000000a80435fb", ["CAP_SYS_ADMIN"]],
] as const)("of the capabilities %s these are missing: %j", ([effective, missing]) => {
  expect(missingCapabilities(`Name:\tnode\nCapEff:\t${effective}\nCapBnd:\t0\n`)).toEqual(missing);
});

test.for([
  [{ cni: "lab", mode: "user" }, "not for user mode"],
  [{ cni: "lab", networks: ["db"] }, "not for VMs of a CNI network"],
] as const)("%j is refused: %s", ([network, reason]) => {
  expect(whyNot(NetworkSpec.parse(network), ["tap", "user"])).toContain(reason);
});
