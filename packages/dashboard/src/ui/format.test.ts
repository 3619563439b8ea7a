import { expect, test } from "vitest";
import { formatAgo, formatBytes, formatDuration, formatTime, shortDigest } from "./format.ts";

test.for([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [1024 ** 3, "1 GiB"],
  [300 * 1024 ** 2, "300 MiB"],
] as const)("%d bytes are %s", ([bytes, text]) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.for([
  [12, "12 ms"],
  [1500, "1.5 s"],
  [61_000, "1 min 1 s"],
  [3_600_000 * 26, "1 d 2 h"],
] as const)("%d ms are %s", ([ms, text]) => {
  expect(formatDuration(ms)).toBe(text);
});

test("what was a minute ago is said so", () => {
  expect(formatAgo(0, 60_000)).toBe("1 min ago");
});

test("a digest is told by its first twelve digits", () => {
  expect(shortDigest(`sha256:${"ab".repeat(32)}`)).toBe("abababababab");
});

test("a moment that no calendar has is unknown: guests tell of such", () => {
  expect([formatTime(9e15), formatAgo(9e15), formatTime(Number.NaN)]).toEqual([
    "unknown",
    "unknown",
    "unknown",
  ]);
});
