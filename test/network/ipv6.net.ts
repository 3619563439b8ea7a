import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "../e2e/support/world.ts";
import { MACHINE6, networkState, openInternet } from "./support/internet.ts";

const [EXAMPLE, OTHER, NEAR] = ["2606:2800:220::34", "2606:4700::1111", "fd00:10::9"];
const resources = new AsyncDisposableStack();
let world: World;
let vm: Vm;

beforeAll(async () => {
  resources.use(await openInternet({ ipv6: true }));
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  world = resources.use(await openWorld());
  const image = `dir:${await busyboxRoot(world.dir)}`;
  vm = await world.bandsox.createVm(image, { name: "one", memMib: 128 });
});
afterAll(() => resources.disposeAsync());

/** What a server says to a guest. */
async function get(address: string, from = vm): Promise<string> {
  const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 80`;
  return (await from.exec(request, { timeoutMs: 30_000 })).stdout;
}

test("where this machine has IPv6, a guest does: by address and by name, under this machine's address", async () => {
  expect(await get(EXAMPLE)).toContain(`you are ${MACHINE6} at ${EXAMPLE}`);
  expect((await vm.exec(["nslookup", "example.com", "198.18.0.1"])).stdout).toContain(EXAMPLE);
  expect((await vm.info()).network?.address6).toMatch(/^fd42:/);
});

test("what is not the Internet is refused over IPv6, too, and told", async () => {
  expect([await get(NEAR), await get(MACHINE6)]).toEqual(["", ""]);
  const decisions = await vm.network.decisions();
  for (const address of [NEAR, MACHINE6])
    expect(decisions).toContainEqual(expect.objectContaining({ verdict: "deny", address, port: 80 }));
});

test("rules by address and by name hold for IPv6, and are changed while it runs", async () => {
  await vm.network.setEgress({ allow: [`[${OTHER}]:80`] });
  expect([await get(OTHER), await get(EXAMPLE)]).toEqual([expect.stringContaining("you are"), ""]);
  await vm.network.setEgress({ allow: ["example.com:80"] });
  await vm.exec(["nslookup", "example.com", "198.18.0.1"]);
  expect([await get(EXAMPLE), await get(OTHER)]).toEqual([expect.stringContaining("you are"), ""]);
  await vm.network.setEgress("public");
});

test("a clone has an address of its own, and what listens in it is reached by that", async () => {
  await vm.exec("busybox mkdir -p /srv; echo here > /srv/index.html");
  await vm.sessions.start(["httpd", "-f", "-p", "[::]:80", "-h", "/srv"]);
  const [child] = await vm.fork();
  const clone = child && "vm" in child ? child.vm : vm;
  const infos = await Promise.all([vm.info(), clone.info()]);
  const addresses = infos.map(({ network }) => network?.address6 ?? "");
  expect(new Set(addresses).size).toBe(2);
  const page = (address: string) =>
    fetch(`http://[${address}]/index.html`).then((answer) => answer.text(), String);
  for (const address of addresses) await expect.poll(() => page(address), { timeout: 30_000 }).toBe("here\n");
  expect(await get(EXAMPLE, clone)).toContain(`you are ${MACHINE6}`);
  await clone.delete();
});
