import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "../e2e/support/world.ts";
import { networkState, openInternet } from "./support/internet.ts";

const resources = new AsyncDisposableStack();
let world: World;
let image: string;

beforeAll(async () => {
  resources.use(await openInternet());
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  world = resources.use(await openWorld());
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => resources.disposeAsync());

test("a VM of a pool has the network that any VM has", async () => {
  await world.bandsox.pools.set({ image, size: 1 });
  const vm = await world.bandsox.createVm(image);
  expect(await world.bandsox.pools.list()).toMatchObject([{ hits: 1, misses: 0 }]);
  const { stdout } = await vm.exec("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 93.184.216.34 80");
  expect(stdout).toContain("you are");
  await world.bandsox.pools.remove(image);
  await vm.delete();
});

test("published ports lead into the guest, and `vm info` tells which they are", async () => {
  const vm = await world.bandsox.createVm(image, { networking: { ports: [{ guest: 80 }] } });
  await vm.files.mkdir("/srv", { parents: true });
  await vm.files.writeText("/srv/index.html", "published\n");
  await vm.sessions.start(["httpd", "-f", "-p", "80", "-h", "/srv"]);
  const [port] = (await vm.info()).network?.ports ?? [];
  expect(port).toMatchObject({ guest: 80, address: "127.0.0.1", host: expect.toSatisfy((n) => n > 0) });
  const page = () => fetch(`http://127.0.0.1:${port?.host}/index.html`).then((answer) => answer.text());
  await expect.poll(() => page().catch(String), { timeout: 10_000 }).toBe("published\n");
  await vm.delete();
});

test("a port of this host that is taken is told, and nothing is left of the VM", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const creating = world.bandsox.createVm(image, { networking: { ports: [{ guest: 80, host: port }] } });
  await expect(creating).rejects.toMatchObject({
    code: "port_unavailable",
    details: { address: `127.0.0.1:${port}` },
  });
  expect(await world.bandsox.listVms()).toEqual([]);
  server.close();
});
