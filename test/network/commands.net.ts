import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAgent } from "../e2e/support/mcp-agent.ts";
import { Told } from "../e2e/support/told.ts";
import { busyboxRoot, openWorld, type World } from "../e2e/support/world.ts";
import { networkState, openInternet } from "./support/internet.ts";

const [EXAMPLE, OTHER] = ["93.184.216.34", "1.1.1.1"];
const resources = new AsyncDisposableStack();
let world: World;
let told: Told;
let box: Vm;

beforeAll(async () => {
  resources.use(await openInternet());
  const before = await networkState();
  resources.defer(async () => expect(await networkState()).toEqual(before));
  world = resources.use(await openWorld());
  told = new Told(world);
  box = await world.bandsox.createVm(`dir:${await busyboxRoot(world.dir)}`, { name: "box", memMib: 128 });
});
afterAll(() => resources.disposeAsync());

/** Whether the guest gets an answer from an address. */
async function reaches(address: string, from = box): Promise<boolean> {
  const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 80`;
  return (await from.exec(ask, { timeoutMs: 30_000 })).stdout.includes("you are");
}

test("`vm network` changes what a guest may connect to, and tells what was decided", async () => {
  expect([await reaches(EXAMPLE), await reaches(OTHER)]).toEqual([true, true]);
  const changed = await world.cli("vm", "network", "box", "--egress", "none", "--allow", `${OTHER}:80`);
  expect(changed).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect([await reaches(EXAMPLE), await reaches(OTHER)]).toEqual([false, true]);
  const { stdout } = await world.cli("vm", "network", "box");
  expect(stdout).toMatch(new RegExp(`deny +tcp ${EXAMPLE}:80 `));
  const lines = (await world.cli("vm", "network", "--json", "box")).stdout.trim().split("\n");
  const denied = { verdict: "deny", address: EXAMPLE, port: 80, rule: expect.any(String) };
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining(denied));
  await told.first("vm network", ["box", "--watch"], async (isOver) => {
    while (!isOver()) await reaches(EXAMPLE);
  });
  await world.cli("vm", "network", "box", "--egress", "public");
  expect(await reaches(EXAMPLE)).toBe(true);
});

test.each([
  [["--egress", "some"], "egress"],
  [["--allow", "http://x"], "http://x"],
])("a policy that says nothing is refused, and the one before it stays: %j", async (options, named) => {
  const refused = await world.cli("vm", "network", "box", ...options);
  expect(refused).toMatchObject({ code: expect.toBeOneOf([2, 125]), stdout: "" });
  expect(refused.stderr).toContain(named);
  expect(await reaches(EXAMPLE)).toBe(true);
});

test("a snapshot is restored with another network, or cut off", async () => {
  await world.cli("snapshot", "create", "box", "saved");
  const restored = async (...options: string[]) => {
    const { stdout } = await world.cli("snapshot", "restore", "--json", "saved", ...options);
    const [{ id }] = JSON.parse(stdout);
    const vm = await world.bandsox.getVm(id);
    const found = [await reaches(EXAMPLE, vm), await reaches(OTHER, vm)];
    await vm.delete();
    return found;
  };
  expect(await restored()).toEqual([true, true]);
  expect(await restored("--no-networking")).toEqual([false, false]);
  expect(await restored("--network", "none", "--allow", `${OTHER}:80`)).toEqual([false, true]);
  await world.cli("snapshot", "delete", "saved");
});

test("an agent that may change networks changes what a guest may connect to", async () => {
  await using agent = await startAgent(world, "--vm", "box", "--networking");
  const policy = { vm: "box", preset: "none", allow: [`${EXAMPLE}:80`] };
  expect(await agent.call("set_network_policy", policy)).toMatchObject({ refused: undefined });
  expect([await reaches(EXAMPLE), await reaches(OTHER)]).toEqual([true, false]);
  const { told: listed } = await agent.call("list_network_decisions", { vm: "box" });
  expect(listed.decisions).toContainEqual(
    expect.objectContaining({ verdict: "deny", address: OTHER, port: 80 }),
  );
});
