import { framed } from "@bandsox/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameError } from "../frames.ts";
import { ChecksumError, readData, toFrames } from "./data-frames.ts";

async function* pieces(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % Math.max(1, sizes.length)] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
const collect = async (source: AsyncIterable<Uint8Array>) =>
  Buffer.concat(await Array.fromAsync(source, Buffer.from));
const sizes = fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 5 });

test("whatever is framed is read again, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200_000 }), sizes, sizes, async (bytes, sent, received) => {
      const body = await collect(toFrames(pieces(bytes, sent)));
      expect(await collect(readData(pieces(body, received), bytes.length))).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 30 },
  );
});

test("frames are those the protocol describes", async () => {
  const bytes = Buffer.alloc(70_000, 3);
  expect(await collect(toFrames(pieces(bytes, [])))).toEqual(await framed(bytes));
});

test("no damage goes unnoticed", async () => {
  const body = await framed(Buffer.from("some bytes of a file"));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: body.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const damaged = Buffer.from(body);
        damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at);
        await expect(collect(readData(pieces(damaged, []), 1000))).rejects.toThrow();
      },
    ),
  );
});

test("no part of a body is taken for the whole", async () => {
  const body = await framed(Buffer.from("some bytes"));
  for (let end = 0; end < body.length; end++)
    await expect(collect(readData(pieces(body.subarray(0, end), []), 1000))).rejects.toThrow();
});

test("any bytes end in data within the limit or in an error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), sizes, async (bytes, cut) => {
      let received = 0;
      try {
        for await (const data of readData(pieces(bytes, cut), 100)) received += data.length;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(received).toBeLessThanOrEqual(100);
    }),
  );
});

describe("lies", () => {
  test("more than was announced", async () => {
    await expect(collect(readData(pieces(await framed(Buffer.alloc(101)), []), 100))).rejects.toBeInstanceOf(
      FrameError,
    );
  });

  test("a checksum of other bytes", async () => {
    const body = await framed(Buffer.from("a"));
    body.write("b", 5);
    await expect(collect(readData(pieces(body, []), 100))).rejects.toBeInstanceOf(ChecksumError);
  });
});
