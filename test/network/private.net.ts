import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "../e2e/support/world.ts";
import { networkState, openInternet } from "./support/internet.ts";

const resources = new AsyncDisposableStack();
let world: World;
let one: Vm;
let two: Vm;
let three: Vm;

beforeAll(async () => {
  resources.use(await openInternet());
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  world = resources.use(await openWorld());
  const image = `dir:${await busyboxRoot(world.dir)}`;
  const make = async (name: string, ...networks: string[]) => {
    const vm = await world.bandsox.createVm(image, {
      ...{ name, memMib: 128, networking: { egress: "none", networks } },
    });
    await vm.files.mkdir("/srv", { parents: true });
    await vm.files.writeText("/srv/index.html", `I am ${name}\n`);
    await vm.sessions.start(["httpd", "-f", "-p", "80", "-h", "/srv"]);
    return vm;
  };
  one = await make("one", "left");
  two = await make("two", "left", "right");
  three = await make("three", "right");
});
afterAll(() => resources.disposeAsync());

const ask = (from: Vm, address: string) =>
  from.exec(`printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | nc -w 10 ${address} 80`, {
    timeoutMs: 30_000,
  });

/** What another VM serves, found by its name; `undefined` where there is nobody of the name. */
async function page(from: Vm, name: string): Promise<string | undefined> {
  const { stdout } = await from.exec(["nslookup", name, "198.18.0.1"], { timeoutMs: 30_000 });
  const address = /^Name:.*\nAddress: (.*)$/m.exec(stdout)?.[1];
  return address && (await ask(from, address)).stdout;
}

test("VMs of a private network reach each other by name, whatever they may connect to elsewhere", async () => {
  for (const [from, name] of [
    [one, "two"],
    [two, "one"],
    [two, "three"],
    [three, "two"],
  ] as const)
    await expect.poll(() => page(from, name), { timeout: 20_000 }).toContain(`I am ${name}\n`);
  expect(await two.network.decisions()).toContainEqual(
    expect.objectContaining({ kind: "inbound", verdict: "allow", rule: "private network", port: 80 }),
  );
});

test("a VM of another network is neither found by name nor reached by address", async () => {
  expect(await page(one, "three")).toBeUndefined();
  const { network } = await three.info();
  expect((await ask(one, network?.address ?? "")).stderr).toContain("refused");
  expect(await one.network.decisions()).toContainEqual(
    expect.objectContaining({ verdict: "deny", rule: "other VMs", address: network?.address }),
  );
});

test("a change of policy leaves private networks as they are", async () => {
  await one.network.setEgress("public");
  expect(await page(one, "two")).toContain("I am two\n");
});

test("who has gone is neither found nor reached", async () => {
  const { network } = await two.info();
  await two.delete();
  expect(await page(three, "two")).toBeUndefined();
  expect((await ask(three, network?.address ?? "")).stdout).toBe("");
});
