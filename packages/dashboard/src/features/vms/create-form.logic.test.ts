import { expect, test } from "vitest";
import { EMPTY_FORM, toBody } from "./create-form.ts";

const bodyOf = (fields: Partial<typeof EMPTY_FORM>) =>
  toBody({ ...EMPTY_FORM, image: " alpine ", ...fields });

test("what is left out is the server's to choose", () => {
  expect(bodyOf({})).toEqual({
    ...{ image: "alpine", vcpu: 1, mem_mib: 256, disk_size_mib: 4096 },
    ...{ env_vars: {}, metadata: {} },
  });
});

test.for([
  ["public", { egress: "public" }],
  ["open", { egress: "open" }],
  ["named", { egress: { allow: ["a.example:443"] } }],
] as const)("a network of the kind %s is a policy", ([network, policy]) => {
  expect(bodyOf({ network, allowed: ["a.example:443"] }).enable_networking).toEqual(policy);
});

test("a lifetime is a time in ms", () => {
  expect(bodyOf({ lifetimeMs: "3600000" }).timeout_ms).toBe(3_600_000);
});
