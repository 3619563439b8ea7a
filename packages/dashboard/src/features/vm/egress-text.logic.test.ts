import { expect, test } from "vitest";
import { egressText } from "./egress-text.logic.ts";

test.for([
  ["none", "to nowhere"],
  [{ allow: ["a.example"], deny: [] }, "to a.example; else nowhere"],
  [
    { allow: [], deny: ["10.0.0.0/8"] },
    "not to 10.0.0.0/8; to the Internet, and nothing of this host's networks",
  ],
  [{ preset: "open", allow: ["b"], deny: [] }, "to b; to everything but other VMs"],
] as const)("%j is said in words", ([egress, text]) => {
  expect(egressText(egress as never)).toBe(text);
});
