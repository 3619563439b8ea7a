import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { expect, test } from "vitest";
import { endFrame, readData } from "./data-frames.ts";
import { fileFrames } from "./file-frames.ts";
import { newXxh64 } from "./xxh64.ts";

/** A file of a disk that gives `most` bytes at a time. */
function fileOf(content: Buffer, most: number): FileHandle {
  const readv = async (places: readonly Uint8Array[], at: number) => {
    let bytesRead = 0;
    for (const place of places) {
      const part = content.subarray(
        at + bytesRead,
        at + bytesRead + Math.min(place.length, most - bytesRead),
      );
      place.set(part);
      bytesRead += part.length;
    }
    return { bytesRead };
  };
  return { readv } as unknown as FileHandle;
}

test.for([
  ["all it is asked for", 1e9],
  ["a little less than a frame", 65_535],
  ["an odd number of bytes", 100_001],
] as const)("what a file that gives %s holds comes in pieces of one size", async ([, most]) => {
  const content = randomBytes(3_000_000);
  const hash = await newXxh64();
  const sizes: number[] = [];
  async function* body() {
    for await (const { piece } of fileFrames(fileOf(content, most), { from: 7, to: content.length }, hash)) {
      sizes.push(piece.length);
      yield Buffer.from(piece);
    }
    yield endFrame(content.length - 7, hash);
  }
  const got = Buffer.concat(await Array.fromAsync(readData(body(), content.length)));
  expect(got.equals(content.subarray(7))).toBe(true);
  expect(new Set(sizes.slice(0, -1)).size).toBe(1);
});

test("a file that is shorter than it was ends where it does", async () => {
  const pieces = fileFrames(fileOf(randomBytes(100), 1e9), { from: 0, to: 200 }, await newXxh64());
  expect((await Array.fromAsync(pieces)).map(({ end }) => end)).toEqual([100]);
});
