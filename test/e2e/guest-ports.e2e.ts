import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const PORT = 8000;
/** Answers each connection with one line and with what was sent on it. */
const SERVICE = ["busybox", "nc", "-ll", "-p", `${PORT}`, "-e", "sh", "-c", "echo hello; cat"];

let world: World;
let vm: Vm;
beforeAll(async () => {
  world = await openWorld();
  vm = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`);
});
afterAll(() => world[Symbol.asyncDispose]());

test("a guest tells how it is doing", async () => {
  const stats = await vm.stats();
  expect(stats.cpu.count).toBe(1);
  expect(stats.memory.totalBytes).toBeGreaterThan(100 * 1024 * 1024);
  expect(stats.memory.availableBytes).toBeLessThan(stats.memory.totalBytes);
  expect(stats.uptimeMs).toBeGreaterThan(0);
  const processes = await vm.processes({ limit: 3 });
  expect(processes.length).toBeLessThanOrEqual(3);
  expect(await vm.kernelLog()).toContain("Linux version");
  expect(await vm.oomKills()).toEqual([]);
  expect(await vm.ping()).toBeGreaterThan(0);
  const printed = await world.cli("stats", vm.id);
  expect(printed).toMatchObject({ code: 0, stdout: expect.stringContaining("MiB") });
  expect((await world.cli("logs", vm.id)).code).toBe(0);
});

test("what listens in a guest is reached by connections and by forwarded ports", async () => {
  const serving = vm.exec(SERVICE);
  serving.catch(() => {}); // ends with the VM
  const ask = async () => {
    const stream = await vm.connect(PORT, { allowHalfOpen: true });
    stream.end("from inside");
    return text(stream);
  };
  const refused = () => "";
  await expect.poll(() => ask().catch(refused), { timeout: 30_000 }).toBe("hello\nfrom inside");
  await using forwarded = await vm.forwardPort({ guest: PORT });
  const client = connect({ port: forwarded.port, host: forwarded.address, allowHalfOpen: true });
  client.end("from the host");
  expect(await text(client)).toBe("hello\nfrom the host");
});

test("a web server in a guest is asked without any network", async () => {
  const serving = vm.exec("busybox httpd -f -p 8080 -h /etc", { timeoutMs: 120_000 });
  serving.catch(() => {});
  await vm.exec("echo known > /etc/hosted.txt");
  const get = (path: string) => vm.sendHttpRequest({ port: 8080, path }).catch(() => undefined);
  await expect.poll(async () => (await get("/hosted.txt"))?.text(), { timeout: 30_000 }).toBe("known\n");
  expect(await get("/missing")).toMatchObject({ status: 404 });
});

test("a port nobody listens on is refused", async () => {
  await expect(vm.connect(9)).rejects.toMatchObject({ code: "connect_failed" });
});
