import { expect, test } from "vitest";
import { missingCapabilities } from "./may-connect.ts";

test.for([
  ["000001ffffffffff", []],
  ["00000000a80425fb", ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]],
  ["00000000a80435fb", ["CAP_SYS_ADMIN"]],
] as const)("of the capabilities %s these are missing: %j", ([effective, missing]) => {
  expect(missingCapabilities(`Name:\tnode\nCapEff:\t${effective}\nCapBnd:\t0\n`)).toEqual(missing);
});
