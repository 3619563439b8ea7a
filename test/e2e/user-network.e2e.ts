import { once } from "node:events";
import { createServer } from "node:net";
import type { NetworkSpecInput } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

const spec = { memMib: 128, diskSizeMib: 256 };
/** Serves in the guest what is asked for at `port` of this machine. */
async function page(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/index.html`).catch(String);
  return typeof answer === "string" ? answer : answer.text();
}

test("in user mode published ports lead into the guest, before and after a save", async () => {
  const networking: NetworkSpecInput = { mode: "user", ports: [{ guest: 80 }] };
  const vm = await world.bandsox.createVm(image, { ...spec, networking });
  await vm.files.write("/srv/index.html", "published\n", { parents: true });
  await vm.sessions.start(["httpd", "-f", "-p", "80", "-h", "/srv"]);
  const portOf = async (one = vm) => (await one.info()).network?.ports[0]?.host ?? 0;
  const port = await portOf();
  await expect.poll(() => page(port), { timeout: 30_000 }).toBe("published\n");
  const all = await Promise.all(Array.from({ length: 20 }, () => page(port)));
  expect(all).toEqual(all.map(() => "published\n"));
  const [child] = await vm.fork();
  const clone = child && "vm" in child ? child.vm : vm;
  await clone.files.write("/srv/index.html", "the clone's\n");
  expect([await page(await portOf(clone)), await page(port)]).toEqual(["the clone's\n", "published\n"]);
  await clone.delete();
  await vm.stop();
  expect(await page(port)).toContain("fetch failed");
  await vm.delete();
});

test("a port where nothing listens in the guest refuses, and one that is taken here is told", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: host } = server.address() as { port: number };
  const taken: NetworkSpecInput = { mode: "user", ports: [{ guest: 80, host }] };
  const refused = world.bandsox.createVm(image, { ...spec, networking: taken });
  await expect(refused).rejects.toMatchObject({ code: "port_unavailable" });
  server.close();
  const vm = await world.bandsox.createVm(image, { ...spec, networking: taken });
  expect(await page(host)).toContain("fetch failed");
  await vm.delete();
});

test("in user mode a guest connects as this user would, and has no policies", async () => {
  const server = createServer((socket) => void socket.end("from this machine\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const vm = await world.bandsox.createVm(image, { ...spec, networking: { mode: "user" } });
  const gateway = (await vm.exec("ip route | head -n 1")).stdout.split(" ")[2] ?? "";
  expect((await vm.exec(["nc", "-w", "10", gateway, `${port}`])).stdout).toBe("from this machine\n");
  await expect(vm.network.setEgress("none")).rejects.toMatchObject({ code: "network_missing" });
  const policy = world.bandsox.createVm(image, { ...spec, networking: { mode: "user", egress: "none" } });
  await expect(policy).rejects.toMatchObject({ code: "networking_unavailable" });
  const [child] = await vm.fork({ networking: false });
  expect(child).toMatchObject({ error: { code: "networking_unavailable" } });
  await vm.delete();
  server.close();
});
