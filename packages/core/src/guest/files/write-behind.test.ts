import { type FileHandle, open, readFile } from "node:fs/promises";
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

test("a write has no more pieces than a kernel takes, and goes on where it was short", async () => {
  const written = Buffer.alloc(5000);
  let most = 0;
  const file = {
    /** Takes 999 bytes at most, as a disk that is nearly full may. */
    async writev(pieces: readonly Uint8Array[], at: number) {
      most = Math.max(most, pieces.length);
      return { bytesWritten: Buffer.concat(pieces).copy(written, at, 0, 999) };
    },
  };
  await using writer = new WriteBehind(file as unknown as FileHandle, 0);
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, index) => index));
  for (const byte of bytes) await writer.take(Buffer.of(byte));
  await writer.finish();
  expect(written.equals(bytes)).toBe(true);
  expect(most).toBeLessThanOrEqual(1024);
});
