import { createServer } from "node:http";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "../e2e/support/world.ts";
import { MACHINE, networkState, openInternet } from "./support/internet.ts";

const resources = new AsyncDisposableStack();
let world: World;
let vm: Vm;

beforeAll(async () => {
  resources.use(await openInternet());
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  world = resources.use(await openWorld());
  const service = createServer((_, response) => response.end("the host")).listen(8000, "0.0.0.0");
  resources.defer(() => void service.close());
  const root = await busyboxRoot(world.dir);
  vm = await world.bandsox.createVm(`dir:${root}`, { name: "one", networking: true });
});
afterAll(() => resources.disposeAsync());

/** Asks a server, from within the guest. */
const get = (host: string, port = 80) => say(vm, host, port);
async function say(from: Vm, host: string, port: number) {
  const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 ${host} ${port}`;
  const begun = performance.now();
  const result = await from.exec(request, { timeoutMs: 30_000 });
  return { ...result, tookMs: performance.now() - begun };
}
const lookUp = (name: string) => vm.exec(["nslookup", name, "198.18.0.1"], { timeoutMs: 30_000 });

test("a guest reaches the Internet by address and by name, under this machine's address", async () => {
  expect((await get("93.184.216.34")).stdout).toContain(`you are ${MACHINE} at 93.184.216.34`);
  expect((await lookUp("example.com")).stdout).toContain("93.184.216.34");
});

test("what is not the Internet is refused at once, and told with the rule that decided", async () => {
  const denied = {
    "169.254.169.254": "link-local addresses",
    "10.9.9.9": "private addresses",
    [MACHINE]: "this host",
  };
  for (const address of Object.keys(denied)) {
    const result = await get(address, address === MACHINE ? 8000 : 80);
    expect(result).toMatchObject({ stdout: "", timedOut: false });
    expect(result.stderr).toContain("refused");
  }
  const decisions = await vm.network.decisions();
  for (const [address, rule] of Object.entries(denied))
    expect(decisions).toContainEqual(expect.objectContaining({ verdict: "deny", address, rule }));
  expect(decisions).toContainEqual(
    expect.objectContaining({ verdict: "allow", address: "93.184.216.34", port: 80, rule: "public" }),
  );
});

test("a name may not lead to an address that is not the Internet's", async () => {
  expect((await lookUp("rebind.example.com")).stdout).not.toContain("10.9.9.9");
  const { stdout } = await lookUp("mixed.example.com");
  expect(stdout).toContain("93.184.216.34");
  expect(stdout).not.toContain("10.9.9.9");
});

test("a policy by names opens the addresses they were answered with, and no others", async () => {
  await vm.network.setEgress({ allow: ["*.example.com"], deny: [] });
  expect((await lookUp("other.com")).stdout).not.toContain("1.1.1.1");
  expect((await lookUp("www.example.com")).stdout).toContain("93.184.216.34");
  expect((await get("93.184.216.34")).stdout).toContain("you are");
  expect((await get("1.1.1.1")).stderr).toContain("refused");
  const decisions = await vm.network.decisions();
  const rule = "*.example.com";
  expect(decisions).toContainEqual(expect.objectContaining({ kind: "name", name: "www.example.com", rule }));
  expect(decisions).toContainEqual(
    expect.objectContaining({ kind: "name", verdict: "deny", name: "other.com", rule: "none" }),
  );
  await vm.network.setEgress("public");
});

test("a change of policy ends a connection that is open", async () => {
  // What comes back all the time is no connection that somebody outside has opened.
  const session = await vm.sessions.start("yes tick | nc 1.1.1.1 7");
  for await (const event of session.attach()) if (event.type === "stdout") break; // it is connected
  await vm.network.setEgress("none");
  await expect.poll(async () => (await session.info()).endedAt, { timeout: 30_000 }).toBeTypeOf("number");
  await vm.network.setEgress("public");
});

test("this host reaches the guest by its own address, and by a clone's that", async () => {
  const [result] = await vm.fork();
  if (!result || !("vm" in result)) throw result?.error ?? new Error("no child");
  await using clone = { vm: result.vm, [Symbol.asyncDispose]: () => result.vm.delete() };
  expect((await say(clone.vm, "93.184.216.34", 80)).stdout).toContain("you are");
  const addresses = await Promise.all([vm, clone.vm].map(async (one) => (await one.info()).network?.address));
  expect(new Set(addresses).size).toBe(2);
  for (const [at, one] of [vm, clone.vm].entries()) {
    await one.files.mkdir("/srv", { parents: true });
    await one.files.writeText("/srv/index.html", `I am ${at}\n`);
    await one.sessions.start(["httpd", "-f", "-p", "80", "-h", "/srv"]);
    await expect
      .poll(() => fetch(`http://${addresses[at]}/index.html`).then((answer) => answer.text()), {
        timeout: 10_000,
      })
      .toBe(`I am ${at}\n`);
  }
  expect((await say(vm, addresses[1] ?? "", 80)).stderr).toContain("refused");
  expect(await vm.network.decisions()).toContainEqual(
    expect.objectContaining({ verdict: "deny", rule: "other VMs", address: addresses[1], port: 80 }),
  );
});
