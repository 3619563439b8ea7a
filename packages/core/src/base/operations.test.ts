import { once } from "node:events";
import { BandSoxError } from "@bandsox/contract";
import { expect, test } from "vitest";
import { Operations } from "./operations.ts";

const interrupted = () => new BandSoxError("interrupted", "interrupted", {});

test("closing interrupts what runs, waits for its clean-up, and takes nothing new", async () => {
  const operations = new Operations("/storage");
  const cleanUp = Promise.withResolvers<void>();
  const running = operations.run(undefined, async (signal) => {
    await once(signal, "abort");
    await cleanUp.promise;
    throw interrupted();
  });
  const done: string[] = [];
  const closing = operations[Symbol.asyncDispose]().then(() => done.push("closed"));
  const refused = operations.run(undefined, async () => done.push("worked"));
  await expect(refused).rejects.toMatchObject({ code: "storage_closed", details: { path: "/storage" } });
  expect(done).toEqual([]);

  cleanUp.resolve();
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
  await closing;
  expect(done).toEqual(["closed"]);
});

test("closing interrupts a stream and does not wait for its reader", async () => {
  const operations = new Operations("/storage");
  using stream = operations.attach();
  await operations[Symbol.asyncDispose]();
  expect(stream.signal.aborted).toBe(true);
  expect(() => operations.attach()).toThrowError(expect.objectContaining({ code: "storage_closed" }));
});

test("the caller's own signal interrupts an operation", async () => {
  const operations = new Operations("/storage");
  const controller = new AbortController();
  const running = operations.run(controller.signal, async (signal) => {
    await once(signal, "abort");
    throw interrupted();
  });
  controller.abort();
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
});

test("a full disk leaves an operation as an error of ours", async () => {
  const operations = new Operations("/storage");
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  await expect(operations.run(undefined, () => Promise.reject(full))).rejects.toMatchObject({
    code: "disk_full",
    details: { path: "/storage" },
  });
});
