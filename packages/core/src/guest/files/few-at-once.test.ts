import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { FewAtOnce } from "./few-at-once.ts";

/** A task that goes on until it is told to. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { task: () => promise, resolve, reject };
}

test("no more run than may, and the next begins when one is over", async () => {
  const few = new FewAtOnce(2);
  const [first, second] = [held(), held()];
  await few.begin("first", first.task);
  await few.begin("second", second.task);
  const begun: string[] = [];
  const third = few.begin("third", async () => void begun.push("third"));
  await setImmediate();
  expect(begun).toEqual([]);
  second.resolve();
  await third;
  expect(begun).toEqual(["third"]);
  first.resolve();
  await few.settleAll();
});

test("those of one name follow one another", async () => {
  const few = new FewAtOnce(5);
  const [first, other] = [held(), held()];
  await few.begin("same", first.task);
  await few.begin("other", other.task);
  let hasBegun = false;
  const second = few.begin("same", async () => {
    hasBegun = true;
  });
  const settled = few.settle("same");
  await setImmediate();
  expect(hasBegun).toBe(false);
  first.resolve();
  await Promise.all([second, settled]);
  expect(hasBegun).toBe(true);
  other.resolve();
  await few.settleAll();
});

test("a failure is told to all who come after it, and the others are waited for", async () => {
  const few = new FewAtOnce(3);
  const [bad, slow] = [held(), held()];
  await few.begin("bad", bad.task);
  await few.begin("slow", slow.task);
  bad.reject(new Error("no"));
  await setImmediate();
  await expect(few.begin("more", async () => {})).rejects.toThrow("no");
  await expect(few.settle("anything")).rejects.toThrow("no");
  let isOver = false;
  const all = few.settleAll().finally(() => {
    isOver = true;
  });
  all.catch(() => {});
  await setImmediate();
  expect(isOver).toBe(false);
  slow.resolve();
  await expect(all).rejects.toThrow("no");
});
