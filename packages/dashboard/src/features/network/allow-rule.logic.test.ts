import type { NetworkDecision } from "@bandsox/contract";
import { expect, test } from "vitest";
import { ruleFor, withAllowed } from "./allow-rule.logic.ts";

const denied = (fields: Partial<NetworkDecision>): NetworkDecision => ({
  ...{ at: "2026-01-01T00:00:00Z", verdict: "deny", rule: "none", kind: "connection", protocol: "tcp" },
  ...fields,
});

test.for([
  [{ name: "a.example", kind: "name" }, "a.example"],
  [{ address: "203.0.113.7", port: 443 }, "tcp://203.0.113.7:443"],
  [{ address: "2001:db8::1", port: 53, protocol: "udp" }, "udp://[2001:db8::1]:53"],
  [{ address: "203.0.113.7", protocol: "icmp" }, "203.0.113.7"],
  [{}, undefined],
] as const)("what lets %j through is %s", ([fields, rule]) => {
  expect(ruleFor(denied(fields))).toBe(rule);
});

test("a rule is added to what there is, and goes before a denial of the same", () => {
  expect(withAllowed("none", "a")).toEqual({ preset: "none", allow: ["a"], deny: [] });
  expect(withAllowed({ allow: ["b"], deny: ["a", "c"] }, "a")).toEqual({
    ...{ preset: "none", allow: ["b", "a"], deny: ["c"] },
  });
  expect(withAllowed({ allow: [], deny: ["c"] }, "a")).toMatchObject({ preset: "public" });
});
