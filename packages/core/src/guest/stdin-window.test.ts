import { expect, test } from "vitest";
import { FrameError } from "./frames.ts";
import { StdinWindow } from "./stdin-window.ts";

const WINDOW = 262_144;

function total(bytes: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeBigUInt64BE(BigInt(bytes));
  return data;
}

test("what is sent waits for what is taken", async () => {
  const window = new StdinWindow();
  expect(await window.reserve(WINDOW - 10)).toBe(WINDOW - 10);
  expect(await window.reserve(100)).toBe(10);
  const waiting = window.reserve(100);
  let granted: number | undefined;
  void waiting.then((bytes) => {
    granted = bytes;
  });
  await new Promise(setImmediate);
  expect(granted).toBeUndefined();
  window.onTaken(total(7));
  expect(await waiting).toBe(7);
});

test("a guest cannot have taken what was not sent, less than before, or something else", async () => {
  const window = new StdinWindow();
  await window.reserve(10);
  window.onTaken(total(5));
  for (const lie of [total(4), total(11), Buffer.alloc(7), Buffer.alloc(9), Buffer.alloc(8, 255)]) {
    expect(() => window.onTaken(lie)).toThrow(FrameError);
  }
});

test("nobody waits for a connection that is gone", async () => {
  const window = new StdinWindow();
  await window.reserve(WINDOW);
  const waiting = window.reserve(1);
  window.abandon();
  expect(await waiting).toBe(1);
});
