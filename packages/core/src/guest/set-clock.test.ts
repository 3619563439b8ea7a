import { expect, test } from "vitest";
import { setClock } from "./set-clock.ts";

/** A guest whose clock is wrong, and a host on which each call takes as long as it is told. */
function world(wrongMs: number, delaysMs: readonly [there: number, back: number][]) {
  let now = 1_700_000_000_000;
  let wrong = wrongMs;
  let calls = 0;
  const guest = {
    async shiftClock(shiftMs: number) {
      const [there, back] = delaysMs[Math.min(calls++, delaysMs.length - 1)] ?? [0, 0];
      now += there;
      wrong += shiftMs;
      const said = now + wrong;
      now += back;
      return said;
    },
  };
  return { guest, now: () => now, wrong: () => wrong, calls: () => calls };
}

test("a clock that is right is asked once", async () => {
  const w = world(3, [[5, 5]]);
  await setClock(w.guest, undefined, w.now);
  expect([w.wrong(), w.calls()]).toEqual([3, 1]);
});

test("a clock that is wrong is moved, and looked at again", async () => {
  const w = world(-86_400_000, [[5, 7]]);
  await setClock(w.guest, undefined, w.now);
  expect(Math.abs(w.wrong())).toBeLessThan(60);
  expect(w.calls()).toBe(2);
});

test("an answer that was long on the way does not make a clock wrong that may be right", async () => {
  const w = world(0, [
    [2500, 0],
    [0, 900],
    [10, 10],
  ]);
  await setClock(w.guest, undefined, w.now);
  expect([w.wrong(), w.calls()]).toEqual([0, 2]); // the two together leave no doubt
});

test("calls that are all slow still make it nearly right, and end", async () => {
  const w = world(60_000, [[300, 300]]);
  await setClock(w.guest, undefined, w.now);
  expect(Math.abs(w.wrong())).toBeLessThan(301);
  expect(w.calls()).toBeLessThan(22);
});

test("a look that takes long takes nothing away from what quick ones told", async () => {
  const w = world(-5000, [
    [40, 40],
    [0, 900],
    [900, 0],
    [40, 40],
  ]);
  await setClock(w.guest, undefined, w.now);
  expect(Math.abs(w.wrong())).toBeLessThanOrEqual(40);
});

test("long ways there and long ways back together tell more than either", async () => {
  const w = world(-5000, [
    [10, 2000],
    [2000, 10],
  ]);
  await setClock(w.guest, undefined, w.now);
  expect(Math.abs(w.wrong())).toBeLessThan(60);
  expect(w.calls()).toBeLessThan(6);
});
