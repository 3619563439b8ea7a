import { expect, test } from "vitest";
import {
  deafensVsock,
  featuresOf,
  formatVersion,
  isAtLeast,
  parseFirecrackerVersion,
} from "./capabilities.ts";

const version = (text: string) =>
  parseFirecrackerVersion(text) ?? { major: Number.NaN, minor: Number.NaN, patch: Number.NaN };

test.for([
  ["Firecracker v1.16.1\n\n", "1.16.1"],
  ["Firecracker v1.17.0-dev\n", "1.17.0"],
  ["Firecracker v1.7.0-dirty", "1.7.0"],
] as const)("%j is read", ([said, expected]) => {
  expect(formatVersion(version(said))).toBe(expected);
});

test("what names no version is not taken for one", () => {
  expect(parseFirecrackerVersion("usage: firecracker")).toBeUndefined();
  expect(parseFirecrackerVersion("")).toBeUndefined();
});

test("versions are ordered by number, not by letter", () => {
  expect(isAtLeast(version("1.10.0"), version("1.9.1"))).toBe(true);
  expect(isAtLeast(version("1.9.1"), version("1.10.0"))).toBe(false);
  expect(isAtLeast(version("2.0.0"), version("1.99.9"))).toBe(true);
  expect(isAtLeast(version("1.16.0"), version("1.16.1"))).toBe(false);
  expect(isAtLeast(version("1.16.1"), version("1.16.1"))).toBe(true);
});

test("a version has what came with it and before", () => {
  expect(featuresOf(version("1.12.0"))).toMatchObject({ networkOverrides: true, trackDirtyPages: false });
  expect(featuresOf(version("1.16.0"))).toMatchObject({ vsockOverride: true, soundVsockRestore: false });
  expect(Object.values(featuresOf(version("1.7.0"))).some(Boolean)).toBe(false);
});

test("the guests of 1.16 are deafened by a pause", () => {
  const deafened = ["1.15.1", "1.16.0", "1.16.1", "1.17.0"].map((text) =>
    deafensVsock(featuresOf(version(text))),
  );
  expect(deafened).toEqual([false, true, true, false]);
});
