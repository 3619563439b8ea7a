import { expect, test } from "vitest";
import { chooseRange, outsideAddresses, overlap, slotCount } from "./address-plan.ts";

test("a slot's two ends are a network of two", () => {
  expect(outsideAddresses("198.19.0.0/16", 1)).toEqual({
    ...{ host: "198.19.0.2", address: "198.19.0.3" },
    ...{ host6: "fd42:6264:7378:2::2", address6: "fd42:6264:7378:2::3" },
  });
  expect(outsideAddresses("198.19.0.0/16", 200)).toMatchObject({
    host: "198.19.1.144",
    address: "198.19.1.145",
  });
});

test("a range has as many slots as it has pairs, but one", () => {
  expect(slotCount("198.19.0.0/16")).toBe(32_767);
  const last = outsideAddresses("198.19.0.0/16", 32_767);
  expect(last).toMatchObject({
    host: "198.19.255.254",
    address: "198.19.255.255",
    address6: "fd42:6264:7378:2::ffff",
  });
  expect(() => outsideAddresses("198.19.0.0/16", 32_768)).toThrow(RangeError);
});

test.for([
  ["10.0.0.0/8", "10.213.0.0/16", true],
  ["10.213.7.0/24", "10.213.0.0/16", true],
  ["10.214.0.0/16", "10.213.0.0/16", false],
  ["198.19.0.1/32", "198.19.0.0/16", true],
] as const)("%s and %s overlap: %s", ([one, other, expected]) => {
  expect(overlap(one, other)).toBe(expected);
  expect(overlap(other, one)).toBe(expected);
});

test("a range that collides with a route is passed over", () => {
  expect(chooseRange(["198.19.0.0/16", "10.213.0.0/16"], ["198.18.0.0/15", "192.0.2.0/24"])).toBe(
    "10.213.0.0/16",
  );
  expect(chooseRange(["198.19.0.0/16"], ["198.19.4.0/24"])).toBeUndefined();
});
