import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { openDatabase } from "./database.ts";
import { ImageGuard } from "./image-guard.ts";
import { Leases } from "./leases.ts";

/** Two guards on one storage, as two processes have them. */
async function openTwo() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const file = `${path}/bandsox.db`;
  const open = async () => {
    const database = stack.adopt(await openDatabase(file), (opened) => opened.close());
    return new ImageGuard(database, new Leases(database, file));
  };
  return { first: await open(), second: await open(), [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("different things are added at the same time, one thing by one at a time", async () => {
  await using guards = await openTwo();
  using _a = await guards.first.use("a");
  using _b = await guards.second.use("b");
  const again = guards.second.use("a", AbortSignal.timeout(50));
  await expect(again).rejects.toMatchObject({ code: "interrupted" });
});

test("whoever removes waits for those who add, and those who come later wait for it", async () => {
  await using guards = await openTwo();
  const order: string[] = [];
  const adding = await guards.first.use("a");
  const removed = guards.second.sweep().then(async (alone) => {
    order.push("removing");
    return alone;
  });
  const late = guards.first.use("b", AbortSignal.timeout(50));
  await expect(late).rejects.toMatchObject({ code: "interrupted" });
  order.push("added");
  adding[Symbol.dispose]();
  const alone = await removed;
  const later = guards.first.use("b").then((lease) => {
    order.push("adding");
    lease[Symbol.dispose]();
  });
  alone[Symbol.dispose]();
  await later;
  expect(order).toEqual(["added", "removing", "adding"]);
});

test("a removal that is interrupted while it waits lets others add again", async () => {
  await using guards = await openTwo();
  const adding = await guards.first.use("a");
  await expect(guards.second.sweep(AbortSignal.timeout(50))).rejects.toMatchObject({ code: "interrupted" });
  using _b = await guards.first.use("b");
  adding[Symbol.dispose]();
});
