import { NetworkSpec, type NetworkSpecInput } from "@bandsox/contract";
import { expect, test } from "vitest";
import { cloneNetworking } from "./clone-networking.ts";

const spec = (input: NetworkSpecInput = {}) => NetworkSpec.parse(input);

test("a clone has the network that was saved, with ports of its own", () => {
  const saved = spec({ egress: "none", ports: [{ guest: 80, host: 8080 }], cni: "lab" });
  expect(cloneNetworking(saved, undefined)).toEqual({
    ...saved,
    ports: [{ guest: 80, host: 0, address: "127.0.0.1" }],
  });
});

test("one that is cut off is in nobody's network", () => {
  const saved = spec({ egress: "open", ports: [{ guest: 80 }], cni: "lab" });
  expect(cloneNetworking(saved, false)).toEqual(spec({ egress: "none" }));
  expect(cloneNetworking(false, false)).toBe(false);
});

test.each([
  ["a network where there was no device", false, spec()],
  ["another kind of device", spec(), spec({ mode: "user" })],
  ["no network where the guest connects as this user", spec({ mode: "user" }), false],
  ["a policy where nothing holds it", spec({ mode: "user" }), spec({ mode: "user", egress: "none" })],
] as const)("%s is refused", (_, saved, wanted) => {
  expect(() => cloneNetworking(saved, wanted)).toThrow(
    expect.objectContaining({ code: "networking_unavailable" }),
  );
});
