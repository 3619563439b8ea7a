import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseImageSource } from "./image-source.ts";

const DIGEST = `sha256:${"a1".repeat(32)}`;

describe("a registry reference is spelt out as Docker reads it", () => {
  test.for([
    ["alpine", "docker.io/library/alpine:latest"],
    ["python:3-alpine", "docker.io/library/python:3-alpine"],
    ["team/app", "docker.io/team/app:latest"],
    [`ghcr.io/x/y@${DIGEST}`, `ghcr.io/x/y@${DIGEST}`],
    [`alpine:3@${DIGEST}`, `docker.io/library/alpine:3@${DIGEST}`],
    ["localhost/x", "localhost/x:latest"],
    ["localhost:5000/x:y", "localhost:5000/x:y"],
    ["[::1]:5000/x", "[::1]:5000/x:latest"],
    ["registry:2", "docker.io/library/registry:2"],
    ["debian:bookworm", "docker.io/library/debian:bookworm"],
    ["docker://alpine:3", "docker.io/library/alpine:3"],
    ["registry:localhost:5000/x", "localhost:5000/x:latest"],
    ["registry:python:3", "docker.io/library/python:3"],
  ] as const)("%s is %s", ([given, reference]) => {
    expect(parseImageSource(given)).toEqual({ kind: "registry", text: `registry:${reference}`, reference });
  });
});

test.for(["oci", "docker-archive", "dir", "tar"] as const)("%s: takes a path, made absolute", (kind) => {
  const reference = `${kind}:${resolve("some/where:v1")}`;
  expect(parseImageSource(`${kind}:some/where:v1`)).toEqual({ kind, text: reference, reference });
});

test("ext4: names a disk", () => {
  const path = resolve("base.ext4");
  expect(parseImageSource("ext4:base.ext4")).toEqual({ kind: "ext4", path, reference: `ext4:${path}` });
});

describe("docker-daemon: takes what the daemon calls its images", () => {
  test.for([
    ["alpine", "docker-daemon:alpine:latest"],
    ["docker.io/library/alpine:3", "docker-daemon:alpine:3"],
    ["ghcr.io/x/y:1", "docker-daemon:ghcr.io/x/y:1"],
    ["0123456789ab", "docker-daemon:0123456789ab"],
  ] as const)("%s is %s", ([name, text]) => {
    expect(parseImageSource(`docker-daemon:${name}`)).toEqual({
      kind: "docker-daemon",
      text,
      reference: text,
    });
  });
});

test("a Debian recipe is one whatever the order of its packages", () => {
  const recipe = parseImageSource("debian:bookworm?include=python3,curl,curl");
  expect(recipe).toEqual({
    kind: "debian",
    suite: "bookworm",
    include: ["curl", "python3"],
    reference: "debian:bookworm?include=curl,python3",
  });
  expect(parseImageSource("debian:bookworm?include=curl,python3")).toEqual(recipe);
  expect(parseImageSource("debian:sid?")).toMatchObject({ suite: "sid", include: [] });
});

test.for([
  "",
  "UPPER/case",
  "a b",
  "-x",
  "alpine:",
  "alpine@sha256:short",
  "../etc",
  "oci:",
  "ext4:",
  "docker-daemon:",
  "docker-daemon:A B",
  "debian:?include=a",
  "debian:bookworm?packages=a",
  "debian:bookworm?include=--help",
  "debian:book worm?include=a",
  "ftp://x/y",
  "a".repeat(600),
])("%j is refused with one error", (image) => {
  expect(() => parseImageSource(image)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("a parsed reference parses to itself, and nothing throws another error", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z.:/@?=,-]{1,40}$/)), (image) => {
      let source: ReturnType<typeof parseImageSource>;
      try {
        source = parseImageSource(image);
      } catch (error) {
        expect(error).toMatchObject({ code: "invalid_argument" });
        return;
      }
      expect(parseImageSource(source.reference)).toEqual(source);
    }),
  );
});
