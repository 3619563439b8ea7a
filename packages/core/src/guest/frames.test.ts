import fc from "fast-check";
import { expect, test } from "vitest";
import { collect } from "./collect.ts";
import { FRAME_KINDS, FRAME_MAX_BYTES, FrameError, readFrames, TornFrameError } from "./frames.ts";

const ALL_KINDS = new Set(Object.values(FRAME_KINDS));
const encode = (kind: number, data: Uint8Array) => {
  const header = Buffer.alloc(5);
  header.writeUInt8(kind);
  header.writeUInt32BE(data.length, 1);
  return Buffer.concat([header, data]);
};
async function* inChunks(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? bytes.length);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test("frames survive any chunking", async () => {
  const frames = fc.array(
    fc.tuple(fc.constantFrom(...Object.values(FRAME_KINDS)), fc.uint8Array({ minLength: 1, maxLength: 300 })),
  );
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 50 })), async (sent, sizes) => {
      const bytes = Buffer.concat(sent.map(([kind, data]) => encode(kind, data)));
      const received = await Array.fromAsync(readFrames(inChunks(bytes, sizes), ALL_KINDS));
      expect(received.map(({ kind, data }) => [kind, [...data]])).toEqual(
        sent.map(([kind, data]) => [kind, [...data]]),
      );
    }),
  );
});

test("frames told in parts have all their bytes, and a small part keeps no large buffer", async () => {
  const sent = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(sent, fc.array(fc.integer({ min: 1, max: 5000 })), async (bodies, sizes) => {
      const end = encode(FRAME_KINDS.end, Buffer.from("{}"));
      const bytes = Buffer.concat([...bodies.map((data) => encode(FRAME_KINDS.data, data)), end]);
      const parts = await Array.fromAsync(
        readFrames(inChunks(bytes, sizes), ALL_KINDS, FRAME_KINDS.data),
        ({ kind, data }) => ({ kind, data }),
      );
      expect(parts.pop()).toEqual({ kind: FRAME_KINDS.end, data: new Uint8Array(Buffer.from("{}")) });
      expect(Buffer.concat(parts.map(({ data }) => data)).equals(Buffer.concat(bodies))).toBe(true);
      for (const { data } of parts) expect(data.buffer.byteLength).toBeLessThanOrEqual(2 * data.length);
    }),
  );
});

test("any bytes end in frames, in a FrameError or inside a frame, and never in a frame beyond the bound", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2000 }),
      fc.array(fc.integer({ min: 1, max: 50 })),
      async (bytes, sizes) => {
        try {
          for await (const { data } of readFrames(inChunks(bytes, sizes)))
            expect(data.length).toBeLessThanOrEqual(FRAME_MAX_BYTES);
        } catch (error) {
          expect(error instanceof FrameError || error instanceof TornFrameError).toBe(true);
        }
      },
    ),
  );
});

const broken: [string, Uint8Array, string][] = [
  ["of an unknown kind", encode(99, Buffer.from("x")), "kind 99"],
  ["of kind 0", encode(0, Buffer.from("x")), "kind 0"],
  ["of empty stdout", encode(1, Buffer.alloc(0)), "empty"],
  ["of empty stderr", encode(2, Buffer.alloc(0)), "empty"],
  ["longer than the bound", encode(1, Buffer.alloc(FRAME_MAX_BYTES + 1)), "more than"],
];
test.for(broken)("a frame %s is refused", async ([, bytes, words]) => {
  const received = Array.fromAsync(readFrames(inChunks(bytes, [7])));
  await expect(received).rejects.toThrow(FrameError);
  await expect(received).rejects.toThrow(words);
});

test("a frame that is kept keeps no other bytes alive", async () => {
  const chunk = Buffer.concat([encode(1, Buffer.from("a")), encode(1, Buffer.alloc(50_000))]);
  const [small] = await Array.fromAsync(readFrames(inChunks(chunk, [])));
  expect(small?.data.buffer.byteLength).toBe(1);
});

test("what is captured is a copy: its chunk may be used again", async () => {
  const chunk = Buffer.from("first");
  async function* events() {
    yield { type: "stdout" as const, data: chunk.subarray(0, 5) };
    chunk.fill("x");
    yield { type: "exit" as const, exitCode: 0, timedOut: false };
  }
  expect(await collect(events())).toMatchObject({ stdout: "first", output: "first" });
});

test("a character cut between two frames survives", async () => {
  const euro = Buffer.from("€");
  async function* events() {
    yield { type: "stdout" as const, data: euro.subarray(0, 1) };
    yield { type: "stdout" as const, data: euro.subarray(1) };
    yield { type: "exit" as const, exitCode: 0, timedOut: false };
  }
  expect((await collect(events())).stdout).toBe("€");
});

test("output beyond the capture limit is dropped, and said to be", async () => {
  async function* events() {
    for (let i = 0; i < 10; i++) yield { type: "stdout" as const, data: Buffer.from("0123456789") };
    yield { type: "exit" as const, exitCode: 0, timedOut: false };
  }
  const result = await collect(events(), 25);
  expect(result).toMatchObject({ stdout: "0123456789012345678901234", truncated: true, exitCode: 0 });
});

test("text cut by the capture limit ends with a whole character", async () => {
  async function* events() {
    yield { type: "stdout" as const, data: Buffer.from("ab€") };
    yield { type: "exit" as const, exitCode: 0, timedOut: false };
  }
  expect(await collect(events(), 4)).toMatchObject({ stdout: "ab", output: "ab", truncated: true });
});
