import { fakeCore, temporaryDirectory } from "@bandsox/testkit";
import { BandSox } from "bandsox";
import { expect, test } from "vitest";
import { isLoopback, startServer } from "./start-server.ts";

async function storage() {
  await using stack = new AsyncDisposableStack();
  const { path: storageDir } = stack.use(await temporaryDirectory());
  const { core } = stack.use(await fakeCore(storageDir));
  const held = stack.move();
  return { storageDir, bandsox: BandSox.over(core), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

test("a server fills the pools from its start on", async () => {
  await using s = await storage();
  await s.bandsox.pools.set({ image: "alpine", size: 1 });
  await s.bandsox.createVm("alpine");
  expect(await s.bandsox.pools.list()).toMatchObject([{ ready: 0 }]);
  await using server = await startServer({ ...s, port: 0 });
  await expect.poll(() => s.bandsox.pools.list(), { timeout: 30_000 }).toMatchObject([{ ready: 1 }]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/^bandsox_pool_vms\{pool="pool_\w+",image="alpine",what="ready"\} 1$/m);
  expect(metrics).toMatch(/^bandsox_pool_takes\{pool="pool_\w+",image="alpine",what="hits"\} 1$/m);
  expect(metrics).toMatch(/^bandsox_leaks\{kind="any"\} 0$/m);
});

test("who can be reached by others makes a password and a key, once", async () => {
  await using s = await storage();
  const options = { ...s, host: "0.0.0.0", port: 0 };
  const first = await startServer(options);
  const { password, key } = first.credentials ?? {};
  expect([password, key]).toEqual([expect.any(String), expect.stringMatching(/^bsx_/)]);
  await first[Symbol.asyncDispose]();
  await using second = await startServer(options);
  expect(second.credentials).toBeUndefined();
});

test.for([
  ["127.0.0.1", true],
  ["127.8.9.1", true],
  ["::1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["192.0.2.1", false],
  ["127.example.com", false],
] as const)("%s is reached by this machine alone: %s", ([host, isOwn]) => {
  expect(isLoopback(host)).toBe(isOwn);
});
