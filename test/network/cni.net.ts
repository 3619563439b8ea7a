import { readFile, rm, writeFile } from "node:fs/promises";
import type { Vm } from "bandsox";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, finish, openWorld, type World } from "../e2e/support/world.ts";
import { type Lab, openLab, removeBridges } from "./support/cni.ts";
import { MACHINE, openInternet } from "./support/internet.ts";

const resources = new AsyncDisposableStack();
let world: World;
let lab: Lab;
let image: string;

beforeAll(async () => {
  resources.use(await openInternet());
  resources.defer(removeBridges);
  world = resources.use(await openWorld());
  lab = await openLab(world.dir, world.storage);
  process.env.BANDSOX_CNI_CONF_DIR = lab.confDir;
  resources.defer(() => void delete process.env.BANDSOX_CNI_CONF_DIR);
  image = `dir:${await busyboxRoot(world.dir)}`;
  // The bridge, and the chains that published ports are in, stay with the host: the plugins' own doing.
  const first = await serve({ ports: [{ guest: 80, host: 8079, address: MACHINE }] });
  await first.delete();
});
afterAll(() => resources.disposeAsync());

const make = (network: object = {}) =>
  world.bandsox.createVm(image, { memMib: 128, networking: { cni: "lab", ...network } });

/** A VM of the lab's that serves a page, which is its id. */
async function serve(network: object = {}): Promise<Vm> {
  const vm = await make(network);
  await vm.files.mkdir("/srv", { parents: true });
  await vm.files.writeText("/srv/index.html", `I am ${vm.id}\n`);
  await vm.sessions.start(["httpd", "-f", "-p", "80", "-h", "/srv"]);
  return vm;
}

const page = (at: string) =>
  fetch(`http://${at}/index.html`, { signal: AbortSignal.timeout(5000) }).then((answer) => answer.text());
const ask = (vm: Vm, address: string) =>
  vm.exec(`printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 ${address} 80`, { timeoutMs: 30_000 });

test("a VM of a CNI network has its address, reaches the Internet, and is held to its policy", async () => {
  const before = await lab.everything();
  const vm = await serve();
  const { network } = await vm.info();
  expect(network).toMatchObject({ mode: "cni", address: expect.stringMatching(/^10\.88\.0\./) });
  expect(await lab.leases()).toEqual([network?.address]);
  expect((await ask(vm, "93.184.216.34")).stdout).toContain(`you are ${MACHINE} at 93.184.216.34`);
  expect((await vm.exec(["nslookup", "example.com", "198.18.0.1"])).stdout).toContain("93.184.216.34");
  expect((await ask(vm, "169.254.169.254")).stdout).toBe("");
  expect((await ask(vm, "10.88.0.1")).exitCode).not.toBe(0);
  await expect.poll(() => page(network?.address ?? ""), { timeout: 10_000 }).toBe(`I am ${vm.id}\n`);
  expect(await vm.network.decisions()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ verdict: "allow", rule: "public", address: "93.184.216.34" }),
      expect.objectContaining({ verdict: "deny", rule: "link-local addresses", address: "169.254.169.254" }),
      expect.objectContaining({ verdict: "allow", kind: "inbound", rule: "its network" }),
    ]),
  );
  await vm.network.setEgress("none");
  expect((await ask(vm, "93.184.216.34")).stdout).toBe("");
  await vm.network.setEgress({ allow: ["93.184.216.34:80"], deny: [] });
  expect((await ask(vm, "93.184.216.34")).stdout).toContain("you are");
  await vm.delete();
  expect(await lab.everything()).toEqual(before);
});

test("the chain publishes ports, and the supervisor those of any free number", async () => {
  const before = await lab.everything();
  const ports = [{ guest: 80, host: 8080, address: MACHINE }, { guest: 80 }];
  const vm = await serve({ ports });
  const { network } = await vm.info();
  expect(network?.ports).toMatchObject([
    { guest: 80, host: 8080, address: MACHINE },
    { guest: 80, address: "127.0.0.1", host: expect.toSatisfy((port) => port > 0) },
  ]);
  const fromInternet = () =>
    execa("ip", ["netns", "exec", "internet", "busybox", "nc", "-w", "5", MACHINE, "8080"], {
      input: "GET /index.html HTTP/1.0\r\n\r\n",
    }).then(({ stdout }) => stdout);
  await expect.poll(fromInternet, { timeout: 20_000 }).toContain(`I am ${vm.id}`);
  expect(await page(`127.0.0.1:${network?.ports[1]?.host}`)).toBe(`I am ${vm.id}\n`);
  await expect(make({ ports })).rejects.toMatchObject({
    code: "port_unavailable",
    details: { address: `${MACHINE}:8080` },
  });
  await vm.delete();
  expect(await lab.everything()).toEqual(before);
});

test("a network of both versions of IP gives both; a chain that publishes no ports leaves them to the supervisor", async () => {
  const vm = await serve({ cni: "plain", ports: [{ guest: 80, host: 8090 }] });
  const { network } = await vm.info();
  expect(network).toMatchObject({
    address: expect.stringMatching(/^10\.89\.0\./),
    address6: expect.stringMatching(/^fd00:89::/),
    ports: [{ guest: 80, host: 8090, address: "127.0.0.1" }],
  });
  for (const at of [network?.address, `[${network?.address6}]`, "127.0.0.1:8090"])
    await expect.poll(() => page(at ?? "").catch(String), { timeout: 10_000 }).toBe(`I am ${vm.id}\n`);
  await vm.delete();
});

test("each VM and each clone has an address of its own, and a stopped one gets one anew", async () => {
  const before = await lab.everything();
  const source = await serve();
  const snapshot = await source.snapshot({ name: "saved" });
  const all = [source, await make(), await world.bandsox.snapshots.restore(snapshot.id)];
  const addresses = async () =>
    Promise.all(all.map(async (vm) => (await vm.info()).network?.address ?? "none"));
  const found = await addresses();
  expect(new Set(found).size).toBe(3);
  expect((await lab.leases()).toSorted()).toEqual(found.toSorted());
  await expect.poll(() => page(found[2] ?? ""), { timeout: 10_000 }).toBe(`I am ${source.id}\n`);
  await source.stop();
  expect(await lab.leases()).toHaveLength(2);
  await source.start();
  expect(new Set(await addresses()).size).toBe(3);
  expect((await ask(source, "93.184.216.34")).stdout).toContain("you are");
  const elsewhere = await world.bandsox.snapshots.restore(snapshot.id, { networking: true });
  expect((await elsewhere.info()).network).toMatchObject({ mode: "slot" });
  for (const vm of [...all, elsewhere]) await vm.delete();
  await world.bandsox.snapshots.delete(snapshot.id);
  await expect.poll(() => lab.everything(), { timeout: 10_000 }).toEqual(before); // a slot may just be being made ready
});

test("forwarding that was turned on for BandSox's own networks stays as long as a VM relies on it", async () => {
  const forwarding = "/proc/sys/net/ipv4/ip_forward";
  await writeFile(forwarding, "0");
  const before = await lab.everything();
  const own = await world.bandsox.createVm(image, { memMib: 128 });
  const vm = await make();
  await own.delete();
  expect((await ask(vm, "93.184.216.34")).stdout).toContain("you are");
  await vm.delete();
  await expect.poll(() => lab.everything(), { timeout: 10_000 }).toEqual(before); // a slot may just be being made ready
  expect(await readFile(forwarding, "utf8")).toBe("0\n");
});

test("a VM is taken off its network by what it was attached with, whatever became of the configuration", async () => {
  const before = await lab.everything();
  const text = await readFile(lab.file, "utf8");
  const vm = await make();
  await rm(lab.file);
  await vm.delete();
  expect(await lab.everything()).toEqual(before);
  await writeFile(lab.file, text);
});

test("what a process that was killed had attached is taken back", async () => {
  const before = await lab.everything();
  const child = world.start("create", image, "--cni", "lab", "--mem", "128");
  await expect.poll(() => lab.leases(), { interval: 5, timeout: 60_000 }).toHaveLength(1);
  process.kill(-Number(child.pid), "SIGKILL");
  expect((await finish(child)).signal).toBe("SIGKILL");
  const { code, stderr } = await world.cli("cleanup");
  expect(code, stderr).toBe(0);
  expect(await lab.everything()).toEqual(before);
  for (const { id } of await world.bandsox.listVms()) await (await world.bandsox.getVm(id)).delete();
});

test("a network that is not configured is refused, and those that are named", async () => {
  const refused = expect(make({ cni: "nowhere" })).rejects;
  await refused.toThrow(`there is no CNI network nowhere in ${lab.confDir}: there are lab, plain`);
  await refused.toMatchObject({ code: "network_not_found", details: { network: "nowhere" } });
  await expect(make({ networks: ["db"] })).rejects.toMatchObject({
    code: "networking_unavailable",
    details: { reason: expect.stringContaining("private networks") },
  });
  expect(await world.bandsox.listVms()).toEqual([]);
});

/** What a restart leaves of a host's network: nothing, while what is written down stays. */
async function forgetNetworks(): Promise<void> {
  const names = (await execa("ip", ["netns", "list"])).stdout
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "");
  for (const name of names.filter((one) => one.startsWith("bandsox-")))
    await execa("ip", ["netns", "delete", name]);
  await execa("ip", ["link", "delete", "lab0"]);
  await execa("nft", ["flush", "ruleset"]);
}

test("a VM is taken off its network after a restart of the host, and attached anew", async () => {
  const vm = await make();
  expect(await lab.leases()).toHaveLength(1);
  await forgetNetworks();
  await vm.stop();
  expect(await lab.leases()).toEqual([]);
  await vm.start();
  expect((await ask(vm, "93.184.216.34")).stdout).toContain("you are");
  await vm.delete();
  expect(await lab.leases()).toEqual([]);
});
