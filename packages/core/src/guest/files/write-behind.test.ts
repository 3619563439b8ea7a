import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { WriteBehind } from "./write-behind.ts";

test.each([
  ["of one byte", 5000, 1],
  ["of very different sizes", 40, 100_003],
  ["of nothing among others", 3, 0],
])("pieces %s are written in their order", async (_, count, step) => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "file");
  const pieces = Array.from({ length: count }, (_, index) =>
    Buffer.alloc(1 + ((index * step) % 200_000), index),
  );
  {
    await using file = await open(path, "wx");
    await using writer = new WriteBehind(file, 3);
    for (const piece of [Buffer.alloc(0), ...pieces]) await writer.take(piece);
    await writer.finish();
  }
  expect((await readFile(path)).equals(Buffer.concat([Buffer.alloc(3), ...pieces]))).toBe(true);
});
