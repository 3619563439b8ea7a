import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CpioEntry, cpioArchive } from "./cpio-archive.ts";
import { listCpio } from "./cpio-listing.ts";

const entries: CpioEntry[] = [
  { path: "init", kind: "file", mode: 0o755, content: Buffer.from("#!") },
  { path: "dev", kind: "directory", mode: 0o755 },
  { path: "dev/console", kind: "character-device", mode: 0o600, major: 5, minor: 1 },
  { path: "empty", kind: "file", mode: 0o644, content: new Uint8Array() },
];

describe("cpioArchive", () => {
  test("reads back as what was put in, parents first, undated", () => {
    const listed = listCpio(cpioArchive(entries));
    expect(listed.map((entry) => entry.path)).toEqual(["dev", "dev/console", "empty", "init"]);
    expect(listed.every((entry) => entry.mtime === 0)).toBe(true);
    expect(listed[1]).toMatchObject({ mode: 0o020600, device: [5, 1] });
    expect(listed[3]?.mode).toBe(0o100755);
    expect(Buffer.from(listed[3]?.content ?? []).toString()).toBe("#!");
  });

  test("gives the same bytes whatever order the entries come in", () => {
    expect(cpioArchive(entries.toReversed()).equals(cpioArchive(entries))).toBe(true);
  });

  test.skipIf(!existsSync("/usr/bin/cpio"))("is read by cpio", () => {
    const listed = execFileSync("/usr/bin/cpio", ["-t", "--quiet"], { input: cpioArchive(entries) });
    expect(listed.toString()).toBe("dev\ndev/console\nempty\ninit\n");
  });

  test.for(["", "/init", "../init", "a//b", "a/./b"])("refuses the path %j", (path) => {
    expect(() => cpioArchive([{ path, kind: "directory", mode: 0o755 }])).toThrow(RangeError);
  });

  test("refuses a path given twice", () => {
    expect(() => cpioArchive([...entries, { path: "dev", kind: "directory", mode: 0o700 }])).toThrow(
      RangeError,
    );
  });
});

test("listCpio refuses an archive that was cut", () => {
  const archive = cpioArchive(entries);
  expect(() => listCpio(archive.subarray(0, archive.length - 60))).toThrow(/damaged/);
});
