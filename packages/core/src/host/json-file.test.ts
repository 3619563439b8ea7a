import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { z } from "zod";
import { jsonFile } from "./json-file.ts";

test("a file is what it is now: absent, half written, whole, changed, gone", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "a.json");
  const read = jsonFile(z.object({ a: z.int() }));
  expect(read(path)).toBeUndefined();
  writeFileSync(path, '{"a":');
  expect(read(path)).toBeUndefined();
  writeFileSync(path, '{"a":1}');
  expect([read(path), read(path)]).toEqual([{ a: 1 }, { a: 1 }]);
  writeFileSync(path, '{"a":23}');
  expect(read(path)).toEqual({ a: 23 });
  writeFileSync(path, '{"a":"no"}');
  expect(read(path)).toBeUndefined();
  rmSync(path);
  expect(read(path)).toBeUndefined();
  expect(read(join(path, "below"))).toBeUndefined();
});

test("a file that could not be read once is read the next time", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "a.json");
  mkdirSync(path); // has a stamp and no content, as a file has where descriptors are used up
  const read = jsonFile(z.object({ a: z.int() }));
  expect(read(path)).toBeUndefined();
  rmSync(path, { recursive: true });
  writeFileSync(path, '{"a":1}');
  expect(read(path)).toEqual({ a: 1 });
});

test("what has not changed is not read again", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "a.json");
  writeFileSync(path, '{"a":1}');
  const read = jsonFile(z.object({ a: z.int() }));
  expect(read(path)).toBe(read(path));
  expect(readFileSync(path, "utf8")).toBe('{"a":1}');
});
