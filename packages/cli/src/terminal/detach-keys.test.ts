import fc from "fast-check";
import { expect, test } from "vitest";
import { DetachKeys } from "./detach-keys.ts";

const [P, Q] = [0x10, 0x11];

test.for([
  ["together", [[P, Q]], []],
  ["one at a time", [[P], [Q]], []],
  [
    "after other keys",
    [
      [1, 2, P],
      [Q, 3],
    ],
    [1, 2],
  ],
  ["after a Ctrl-P of its own", [[P, P, Q]], [P]],
] as const)("Ctrl-P Ctrl-Q %s detaches, and what came before is passed on", ([, chunks, passed]) => {
  const keys = new DetachKeys();
  const results = chunks.map((chunk) => keys.feed(Uint8Array.from(chunk)));
  expect(results.at(-1)?.isDetached).toBe(true);
  expect(results.flatMap(({ bytes }) => [...bytes])).toEqual(passed);
});

test("anything else passes unchanged, but for a Ctrl-P that waits for the next key", () => {
  const key = fc.integer({ min: 0, max: 255 }).filter((code) => code !== Q);
  fc.assert(
    fc.property(fc.array(fc.array(key)), (chunks) => {
      const keys = new DetachKeys();
      const results = chunks.map((chunk) => keys.feed(Uint8Array.from(chunk)));
      const typed = chunks.flat();
      const passed = results.flatMap(({ bytes }) => [...bytes]);
      expect(results.some(({ isDetached }) => isDetached)).toBe(false);
      expect(passed).toEqual(typed.at(-1) === P ? typed.slice(0, -1) : typed);
    }),
  );
});

test("what is marked as pasted is passed on whole, whatever it holds", () => {
  const keys = new DetachKeys();
  const pasted = Buffer.from(`\u001b[200~a\u0010\u0011b\u001b[201~`);
  const results = [...pasted].map((byte) => keys.feed(Uint8Array.of(byte)));
  expect(Buffer.concat(results.map(({ bytes }) => bytes))).toEqual(pasted);
  expect(keys.feed(Uint8Array.of(P, Q)).isDetached).toBe(true);
});
