import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { ownIdentity } from "../host/process-identity.ts";
import { openDatabase } from "./database.ts";
import { Leases } from "./leases.ts";

async function openTwo() {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const file = `${path}/bandsox.db`;
  const open = async () => stack.adopt(await openDatabase(file), (database) => database.close());
  const [database, other] = [await open(), await open()];
  const dispose = () => stack.disposeAsync();
  return {
    database,
    first: new Leases(database, file),
    second: new Leases(other, file),
    [Symbol.asyncDispose]: dispose,
  };
}

test("one key has one holder, seen from every connection", async () => {
  await using leases = await openTwo();
  const lease = leases.first.tryAcquire("vm:a");
  expect(lease).toBeDefined();
  expect(leases.second.tryAcquire("vm:a")).toBeUndefined();
  expect(leases.second.holder("vm:a")).toEqual(ownIdentity());
  expect(leases.second.tryAcquire("vm:b")).toBeDefined();
  lease?.[Symbol.dispose]();
  expect(leases.second.tryAcquire("vm:a")).toBeDefined();
});

test("a waiter gets the lease when it is released, each in turn", async () => {
  await using leases = await openTwo();
  const order: string[] = [];
  const lease = await leases.first.acquire("vm:a");
  const waiting = ["b", "c"].map(async (name) => {
    using _ = await leases.second.acquire("vm:a");
    order.push(name);
  });
  order.push("a");
  lease[Symbol.dispose]();
  await Promise.all(waiting);
  expect(order.toSorted()).toEqual(["a", "b", "c"]);
  expect(order[0]).toBe("a");
});

test("the lease of a dead process is free, even when its pid is in use again", async () => {
  await using leases = await openTwo();
  const reused = { ...ownIdentity(), startTime: "1" };
  leases.database.prepare("INSERT INTO leases VALUES ('vm:a', 'token', ?)").run(JSON.stringify(reused));
  expect(leases.first.holder("vm:a")).toBeUndefined();
  expect(leases.first.tryAcquire("vm:a")).toBeDefined();
});

test("waiting ends when it is interrupted", async () => {
  await using leases = await openTwo();
  using _held = await leases.first.acquire("vm:a");
  const controller = new AbortController();
  const waiting = leases.second.acquire("vm:a", controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "interrupted" });
});

test("an interrupted caller does not get even a free lease", async () => {
  await using leases = await openTwo();
  await expect(leases.first.acquire("vm:a", AbortSignal.abort())).rejects.toMatchObject({
    code: "interrupted",
  });
  expect(leases.second.tryAcquire("vm:a")).toBeDefined();
});
