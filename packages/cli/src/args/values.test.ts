import { describe, expect, test } from "vitest";
import { parseAssignment, parseDurationMs, parseMib, parsePortPair, parseWholeNumber } from "./values.ts";

describe("sizes", () => {
  test.for([
    ["512", 512],
    ["512m", 512],
    ["512MiB", 512],
    ["2g", 2048],
    ["2GB", 2048],
  ] as const)("reads %s as %d MiB", ([text, mib]) => expect(parseMib(text)).toBe(mib));

  test.for(["", "-1", "1.5g", "g", "1t", "0x10", "1 g"])("refuses %j", (text) => {
    expect(() => parseMib(text)).toThrow(RangeError);
  });
});

describe("durations", () => {
  test.for([
    ["30", 30_000],
    ["1500ms", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
  ] as const)("reads %s as %d ms", ([text, ms]) => expect(parseDurationMs(text)).toBe(ms));

  test("refuses what is none", () => expect(() => parseDurationMs("soon")).toThrow(RangeError));
});

test("an assignment's value may hold an equals sign and be empty", () => {
  expect(parseAssignment("A=b=c")).toEqual(["A", "b=c"]);
  expect(parseAssignment("A=")).toEqual(["A", ""]);
  expect(() => parseAssignment("=b")).toThrow(RangeError);
});

test.for(["", "1e3", "-1", "ten", "1.0"])("%j is no whole number", (text) => {
  expect(() => parseWholeNumber(text)).toThrow(RangeError);
});

describe("ports", () => {
  test.for([
    ["80", { host: 0, guest: 80 }],
    ["8080:80", { host: 8080, guest: 80 }],
    ["0:80", { host: 0, guest: 80 }],
  ] as const)("reads %s", ([text, ports]) => expect(parsePortPair(text)).toEqual(ports));

  test.for(["", "0", "80:", ":80", "80:0", "65536", "1:2:3", "http"])("refuses %j", (text) => {
    expect(() => parsePortPair(text)).toThrow(RangeError);
  });
});
