import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CallLimit, unlessAborted } from "./call-limit.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("time runs out while the guest is waited for, and only then", () => {
  using limit = new CallLimit(undefined, 100);
  vi.advanceTimersByTime(60);
  limit.pause();
  vi.advanceTimersByTime(1000);
  limit.resume();
  vi.advanceTimersByTime(39);
  expect(limit.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(limit).toMatchObject({ isLate: true, signal: { aborted: true } });
});

test("a guest that dribbles gains no time", () => {
  using limit = new CallLimit(undefined, 100);
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(10);
    limit.pause();
    limit.resume();
  }
  expect(limit.isLate).toBe(true);
});

test("a caller's own timeout is the caller's word, not ours", () => {
  const caller = new AbortController();
  using limit = new CallLimit(caller.signal, 100);
  caller.abort(new DOMException("late", "TimeoutError"));
  expect(limit).toMatchObject({ isLate: false, signal: { aborted: true } });
  vi.advanceTimersByTime(100);
  expect(limit.isLate).toBe(false);
});

test("a limit longer than a timer can be is no limit of none", () => {
  using limit = new CallLimit(undefined, 2_147_483_647 + 30_000);
  vi.advanceTimersByTime(60_000);
  expect(limit.signal.aborted).toBe(false);
});

test("what comes too late is handed over to be discarded", async () => {
  using limit = new CallLimit(undefined, 100);
  const work = Promise.withResolvers<string>();
  const discarded: string[] = [];
  const raced = unlessAborted(limit.signal, work.promise, (late) => discarded.push(late));
  vi.advanceTimersByTime(100);
  await expect(raced).rejects.toBe(limit.signal.reason);
  work.resolve("late");
  await work.promise;
  expect(discarded).toEqual(["late"]);
});

test("a caller who had called it off before is heard, and let go of in the end", () => {
  const caller = new AbortController();
  caller.abort("enough");
  using early = new CallLimit(caller.signal, 100);
  expect(early).toMatchObject({ isLate: false, signal: { aborted: true, reason: "enough" } });
  const later = new AbortController();
  const limit = new CallLimit(later.signal, 100);
  limit[Symbol.dispose]();
  later.abort();
  expect(limit.signal.aborted).toBe(false);
});
