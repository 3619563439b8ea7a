import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { begun } from "./begun.ts";

/** Two pieces, and whether whoever made them was told of the end. */
function source(): { bytes: AsyncGenerator<Uint8Array, void, undefined>; isEnded: () => boolean } {
  let isEnded = false;
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield Buffer.from("a");
      yield Buffer.from("b");
    } finally {
      isEnded = true;
    }
  }
  return { bytes: pieces(), isEnded: () => isEnded };
}

test("nothing of what has begun is lost", async () => {
  const { bytes, isEnded } = source();
  expect(Buffer.concat(await Array.fromAsync(await begun(bytes))).toString()).toBe("ab");
  expect(isEnded()).toBe(true);
});

test("a stream that nobody ever reads ends, too", async () => {
  const { bytes, isEnded } = source();
  const stream = Readable.from(await begun(bytes));
  expect(isEnded()).toBe(false);
  await new Promise((resolve) => stream.once("close", resolve).destroy());
  expect(isEnded()).toBe(true);
});

test("what cannot begin is told at once", async () => {
  async function* broken(): AsyncGenerator<Uint8Array, void, undefined> {
    yield await Promise.reject(new Error("no such file"));
  }
  await expect(begun(broken())).rejects.toThrow("no such file");
});
