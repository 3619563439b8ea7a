import { filesWorld } from "@bandsox/testkit";
import { describe, expect, test } from "vitest";

const event = (cursor: number) => ({ cursor, type: "created", path: `/f${cursor}` });

describe("watching", () => {
  test("events are told in order, also those from before the reading began", async () => {
    await using w = await filesWorld();
    const watch = await w.files.watch("/", { recursive: true });
    w.guest.tell(event(1));
    const events = watch[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual(event(1));
    w.guest.tell(event(2));
    expect((await events.next()).value).toEqual(event(2));
    expect(watch.cursor).toBe(2);
    await events.return();
    expect(w.guest.requests.at(-1)).toBe("DELETE /v1/watches/w1");
  });

  test("a connection that breaks is made again where it was", async () => {
    await using w = await filesWorld();
    await using watch = await w.files.watch("/");
    const events = watch[Symbol.asyncIterator]();
    w.guest.tell(event(5));
    await events.next();
    w.guest.tell(undefined);
    w.guest.tell(event(6));
    expect((await events.next()).value).toEqual(event(6));
    expect(w.guest.requests.at(-1)).toBe("GET /v1/watches/w1?after=5");
  });

  test("a watch the guest has forgotten is begun again, and what was lost is told", async () => {
    await using w = await filesWorld();
    await using watch = await w.files.watch("/");
    const events = watch[Symbol.asyncIterator]();
    w.guest.tell(event(9));
    await events.next();
    w.guest.tell(undefined);
    w.guest.forgetWatches();
    expect((await events.next()).value).toMatchObject({ type: "overflow" });
    w.guest.tell(event(1));
    expect((await events.next()).value).toEqual(event(1));
  });

  test("closing ends an iteration that waits", async () => {
    await using w = await filesWorld();
    const watch = await w.files.watch("/");
    const next = watch[Symbol.asyncIterator]().next();
    await expect.poll(() => w.guest.requests.length).toBe(2);
    await watch.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test("a signal interrupts it", async () => {
    await using w = await filesWorld();
    const controller = new AbortController();
    await using watch = await w.files.watch("/", { signal: controller.signal });
    const next = watch[Symbol.asyncIterator]().next();
    await expect.poll(() => w.guest.requests.length).toBe(2);
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: "interrupted" });
  });

  test.for([
    ["no event", { nonsense: true }],
    ["a cursor that does not grow", event(0)],
    ["a type nobody knows", { cursor: 1, type: "exploded" }],
  ] as const)("%s breaks the protocol", async ([, lie]) => {
    await using w = await filesWorld();
    await using watch = await w.files.watch("/");
    const next = watch[Symbol.asyncIterator]().next();
    next.catch(() => {});
    await expect.poll(() => w.guest.requests.length).toBe(2);
    w.guest.tell(lie);
    await expect(next).rejects.toMatchObject({ code: "guest_protocol" });
  });

  test("a guest that always breaks off is given up on", async () => {
    await using w = await filesWorld({
      intercept: async (request, response) => {
        if (request.method !== "GET") return false;
        response.destroy();
        return true;
      },
    });
    await using watch = await w.files.watch("/");
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "guest_unreachable" });
  });
});
