import { expect, test } from "vitest";
import { parsePoolShape } from "./pool-shape.ts";

test("a shape is an image and what differs from the usual", () => {
  expect(parsePoolShape("alpine:3.20")).toEqual({ image: "alpine:3.20" });
  expect(parsePoolShape("python:3-alpine,vcpu=2,mem=1g,disk=512m")).toEqual({
    ...{ image: "python:3-alpine", vcpu: 2, memMib: 1024, diskSizeMib: 512 },
  });
  expect(parsePoolShape("mem=512,image=dir:./a=b")).toEqual({ image: "dir:./a=b", memMib: 512 });
});

test.for(["", ",", "mem=512", "alpine,mem", "alpine,busybox", "alpine,mem=lots", "alpine,vcpu=-1"])(
  "%j is no shape",
  (text) => {
    expect(() => parsePoolShape(text)).toThrow(RangeError);
  },
);
