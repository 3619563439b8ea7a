import { expect, test } from "vitest";
import { networkingOf } from "./network-options.ts";

test("what is not said is left to the library", () => {
  expect([networkingOf({}), networkingOf({ networking: false }), networkingOf({ networking: true })]).toEqual(
    [undefined, false, true],
  );
});

test("a policy is a preset, or rules with it", () => {
  expect(networkingOf({ network: "open" })).toMatchObject({ egress: "open", ports: [], networks: [] });
  expect(networkingOf({ allow: ["*.example.com:443"], network: "none" })).toMatchObject({
    egress: { preset: "none", allow: ["*.example.com:443"], deny: [] },
  });
  expect(networkingOf({ deny: ["1.1.1.1"] })).toMatchObject({ egress: { allow: [], deny: ["1.1.1.1"] } });
});

test("ports and private networks leave the policy as it is by default", () => {
  expect(networkingOf({ publish: [{ guest: 80, host: 8080 }], join: ["db"] })).toMatchObject({
    egress: "public",
    ports: [{ guest: 80, host: 8080, address: "127.0.0.1" }],
    networks: ["db"],
  });
});

test("a CNI network is named alone, or with a policy and ports", () => {
  expect(networkingOf({ cni: "lab" })).toMatchObject({ cni: "lab", egress: "public" });
  expect(networkingOf({ cni: "lab", network: "none" })).toMatchObject({ cni: "lab", egress: "none" });
});

test("a rule that is none is refused", () => {
  expect(() => networkingOf({ allow: ["not a rule"] })).toThrow("a rule is");
});
