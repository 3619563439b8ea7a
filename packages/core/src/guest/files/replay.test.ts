import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { BandSoxError, VmId } from "@bandsox/contract";
import { expect, test } from "vitest";
import { readData } from "./data-frames.ts";
import { Replay } from "./replay.ts";
import { sendResumably } from "./send-resumably.ts";
import { newXxh64 } from "./xxh64.ts";

const MIB = 1024 * 1024;

async function* piecesOf(data: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, n = 0; at < data.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield data.subarray(at, at + size);
    at += size;
  }
}

/** Takes frames until so many bytes of them have come, as a connection that breaks does. */
async function take(replay: Replay, position: number, bytes: number): Promise<Buffer> {
  const taken: Buffer[] = [];
  let size = 0;
  for await (const frames of replay.frames(position)) {
    taken.push(Buffer.from(frames));
    size += frames.length;
    if (size >= bytes) break;
  }
  return Buffer.concat(taken);
}

/** What frames that follow some bytes carry, verified by their end frame. */
async function carried(frames: Buffer, before: Uint8Array): Promise<Buffer> {
  const hash = await newXxh64();
  hash.update(before);
  const start = { bytes: before.length, hash };
  async function* body() {
    yield frames;
  }
  const data = await Array.fromAsync(readData(body(), Number.POSITIVE_INFINITY, start));
  return Buffer.concat(data);
}

test.for([[1000], [3 * MIB], [1, 70_000, 5, 1_500_000]])(
  "a stream in pieces of %j is framed again from wherever it is kept",
  async (sizes) => {
    const data = randomBytes(20 * MIB + 12_345);
    await using replay = new Replay(piecesOf(data, sizes));
    for (const [position, bytes] of [
      [0, 100],
      [0, 3 * MIB],
      [500_000, 5 * MIB],
      [4 * MIB, 12 * MIB],
    ] as const) {
      expect(replay.reaches(position)).toBe(true);
      await take(replay, position, bytes);
    }
    const position = 11 * MIB + 77;
    const rest = await take(replay, position, Number.POSITIVE_INFINITY);
    expect((await carried(rest, data.subarray(0, position))).equals(data.subarray(position))).toBe(true);
    const last = data.length - 5 * MIB;
    const again = await take(replay, last, Number.POSITIVE_INFINITY);
    expect((await carried(again, data.subarray(0, last))).equals(data.subarray(last))).toBe(true);
  },
);

test("what is not kept any more is not framed, and what has not been read neither", async () => {
  await using replay = new Replay(piecesOf(randomBytes(20 * MIB), [MIB]));
  expect(replay.reaches(1)).toBe(false);
  await take(replay, 0, 20 * MIB);
  expect(replay.reaches(0)).toBe(false);
  await expect(take(replay, 0, 1)).rejects.toThrow("not kept any more");
  expect(replay.reaches(20 * MIB + 1)).toBe(false);
  expect(replay.reaches(19 * MIB)).toBe(true);
});

test("a connection that waits for the source when it breaks takes nothing away from the next one", async () => {
  const ready = new EventTarget();
  async function* slowly() {
    yield Buffer.from("one ");
    await once(ready, "go");
    yield Buffer.from("two");
  }
  await using replay = new Replay(slowly());
  const first = replay.frames(0);
  await first.next();
  const waiting = first.next();
  const ended = first.return();
  const second = take(replay, 0, Number.POSITIVE_INFINITY);
  await new Promise((resolve) => setImmediate(resolve));
  ready.dispatchEvent(new Event("go"));
  expect((await carried(await second, Buffer.alloc(0))).toString()).toBe("one two");
  await Promise.all([waiting, ended]);
});

test("a source that fails while its connection is made again is not taken for one that has ended", async () => {
  const fails = Promise.withResolvers<never>();
  async function* source() {
    yield Buffer.from("some");
    await fails.promise;
  }
  let sent = 0;
  const sending = sendResumably(source(), {
    async send(frames) {
      sent++;
      const iterator = frames[Symbol.asyncIterator]();
      await iterator.next();
      if (sent > 1) for (;;) if ((await iterator.next()).done) return "complete";
      void iterator.next().catch(() => {}); // its connection is over, and it waits for the source
      throw new BandSoxError("guest_unreachable", "it broke", { vmId: VmId.parse("vm_000000000000") });
    },
    async arrived() {
      fails.reject(new Error("the source failed"));
      await new Promise((resolve) => setImmediate(resolve));
      return 4;
    },
    abandon: async () => {},
  });
  await expect(sending).rejects.toThrow("the source failed");
});

test("a source that fails is told apart from a connection that does, and one that stands still is left", async () => {
  const ended: string[] = [];
  async function* source(name: string, how: () => Promise<never>) {
    try {
      yield Buffer.from("some");
      await how();
    } finally {
      ended.push(name);
    }
  }
  const failing = new Replay(source("fails", () => Promise.reject(new Error("gone"))));
  await expect(take(failing, 0, 1000)).rejects.toThrow("gone");
  expect(failing.hasFailed).toBe(true);
  await failing[Symbol.asyncDispose]();
  const left = new Replay(source("is left", () => new Promise(() => {})));
  await take(left, 0, 1);
  expect(left.hasFailed).toBe(false);
  await left[Symbol.asyncDispose]();
  const stuck = new Replay(source("stands still", () => new Promise(() => {})));
  const frames = stuck.frames(0);
  await frames.next();
  void frames.next();
  await new Promise((resolve) => setImmediate(resolve));
  await stuck[Symbol.asyncDispose]();
  expect(ended).toEqual(["fails", "is left"]);
});
