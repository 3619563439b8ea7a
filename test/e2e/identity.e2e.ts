import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Session, Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

const CLOCK_ERROR_MS = 100;
const PORT = 7000;
const IMAGE_MACHINE_ID = "0123456789abcdef0123456789abcdef";

/** One VM that much goes on in, a snapshot of it, and two VMs that go on from there. */
let world: World;
let source: Vm;
let clones: Vm[];
let ids: { server: string; client: string; terminal: string };

beforeAll(async () => {
  world = await openWorld();
  const root = await busyboxRoot(world.dir);
  writeFileSync(join(root, "etc/machine-id"), `${IMAGE_MACHINE_ID}\n`);
  source = await world.bandsox.createVm(`dir:${root}`, {
    memMib: 128,
    name: "source",
    env: { WHO: "source" },
  });
  const server = await source.sessions.start(["/bin/busybox", "nc", "-l", "-p", `${PORT}`], { stdin: true });
  const hex = PORT.toString(16).toUpperCase();
  const listening = `until /bin/busybox grep -qs ":${hex} " /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done`;
  expect(await source.exec(listening, { timeoutMs: 30_000 })).toMatchObject({ exitCode: 0 });
  const client = await source.sessions.start(["/bin/busybox", "nc", "127.0.0.1", `${PORT}`], { stdin: true });
  await client.write("before\n");
  await told(server, "before\n");
  const terminal = await source.sessions.start(["sh"], { stdin: true, terminal: { cols: 80, rows: 24 } });
  await terminal.write("N=42\n");
  ids = { server: server.id, client: client.id, terminal: terminal.id };
  await source.snapshot({ name: "busy" });
  clones = await Promise.all([
    world.bandsox.snapshots.restore("busy", { name: "one", env: { WHO: "one" } }),
    world.bandsox.snapshots.restore("busy", { name: "two.of_two" }),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Waits until a session has said something. */
async function told(session: Session, wanted: string): Promise<string> {
  let text = "";
  for await (const event of session.attach()) {
    if (event.type === "stdout") text += Buffer.from(event.data).toString();
    if (text.includes(wanted)) return text;
  }
  throw new Error(`the session ended and had said ${JSON.stringify(text)}`);
}

const each = (command: string) =>
  Promise.all([source, ...clones].map(async (vm) => (await vm.exec(command)).stdout.trim()));

test("the clock is right, as the guest reads it", async () => {
  for (const vm of clones) {
    // The host's time lies between the moments before and after; the guest's is in what it prints.
    const before = Date.now();
    const { stdout } = await vm.exec("date +%s");
    const after = Date.now();
    const seconds = Number(stdout);
    expect(seconds * 1000).toBeGreaterThan(before - 1000 - CLOCK_ERROR_MS);
    expect(seconds * 1000).toBeLessThan(after + CLOCK_ERROR_MS);
    const touched = Date.now();
    await vm.exec("echo > /touched");
    const { mtimeMs } = await vm.files.stat("/touched");
    expect(mtimeMs).toBeGreaterThan(touched - CLOCK_ERROR_MS);
    expect(mtimeMs).toBeLessThan(Date.now() + CLOCK_ERROR_MS);
  }
});

test("time is not counted by ticks, which a busy host makes a guest miss", async () => {
  const sources = await each("cat /sys/devices/system/clocksource/clocksource0/current_clocksource");
  for (const source of sources) expect(source).toMatch(/^(tsc|kvm-clock)$/);
});

test("randomness, machine id and restore id are each one's own", async () => {
  const random = await each("head -c 16 /dev/urandom | md5sum; cat /proc/sys/kernel/random/uuid");
  expect(new Set(random).size).toBe(3);
  const machineIds = await each("cat /etc/machine-id");
  expect(new Set(machineIds).size).toBe(3);
  for (const id of machineIds) expect(id).toMatch(/^[0-9a-f]{32}$/);
  const restoreIds = await each("cat /run/bandsox-restore-id");
  expect(new Set(restoreIds).size).toBe(3);
});

test("the host name is the new VM's, in the kernel and in the files, and resolves", async () => {
  expect(await each("hostname; cat /etc/hostname")).toEqual(
    ["source", "one", "two-of-two"].map((name) => `${name}\n${name}`),
  );
  const hosts = await each("cat /etc/hosts");
  for (const [index, name] of ["source", "one", "two-of-two"].entries()) {
    expect(hosts[index]).toContain("localhost");
    expect(hosts[index]?.split("\n").filter((line) => line.startsWith("127.0.1.1"))).toEqual([
      `127.0.1.1\t${name}`,
    ]);
  }
});

test("new commands see the new environment, and what was not given stays", async () => {
  expect(await each("echo $WHO")).toEqual(["source", "one", "source"]);
});

test("a TCP connection within the guest carries on, in each for itself", async () => {
  for (const [index, vm] of clones.entries()) {
    await (await vm.sessions.get(ids.client)).write(`after ${index}\n`);
    const text = await told(await vm.sessions.get(ids.server), `after ${index}\n`);
    expect(text).toBe(`before\nafter ${index}\n`);
  }
  await (await source.sessions.get(ids.client)).write("here too\n");
  expect(await told(await source.sessions.get(ids.server), "here too\n")).toBe("before\nhere too\n");
});

test("a terminal carries on: its shell has what it had, and takes another size", async () => {
  for (const vm of clones) {
    await using terminal = await vm.attachTerminal(ids.terminal);
    await terminal.resize({ cols: 100, rows: 30 });
    await terminal.write("echo has $N; /bin/busybox stty size\n");
    let text = "";
    for await (const data of terminal.output) {
      text += Buffer.from(data).toString();
      if (text.includes("30 100")) break;
    }
    expect(text).toContain("has 42");
  }
});
