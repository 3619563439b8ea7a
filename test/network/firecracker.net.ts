import { dirname } from "node:path";
import { installJailerDouble } from "@bandsox/testkit";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, expect, test } from "vitest";
import { busyboxRoot, type World } from "../e2e/support/world.ts";
import { isReal } from "../firecracker/support/binary.ts";
import { openFirecrackerWorld } from "../firecracker/support/use-firecracker.ts";
import { openLab, removeBridges } from "./support/cni.ts";
import { MACHINE, openInternet } from "./support/internet.ts";

// The double's guests have no frames from their TAP devices; whether its VMM's user may open them is tried all the same.
if (!isReal)
  process.stderr.write("skipped: frames through Firecracker's TAP devices, which the double has not\n");

const resources = new AsyncDisposableStack();
let world: World;
let image: string;

beforeAll(async () => {
  resources.use(await openInternet());
  resources.defer(removeBridges);
  world = resources.use(await openFirecrackerWorld());
  if (!isReal) await installJailerDouble(dirname(process.env.BANDSOX_FIRECRACKER ?? ""));
  process.env.BANDSOX_CNI_CONF_DIR = (await openLab(world.dir, world.storage)).confDir;
  resources.defer(() => void delete process.env.BANDSOX_CNI_CONF_DIR);
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => resources.disposeAsync());

async function expectInternet(vm: Vm): Promise<void> {
  expect((await vm.exec("echo on")).stdout).toBe("on\n");
  if (!isReal) return;
  const request = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 20 93.184.216.34 80";
  const { stdout } = await vm.exec(request, { timeoutMs: 60_000 });
  expect(stdout).toContain(`you are ${MACHINE} at 93.184.216.34`);
}

test("a jailed Firecracker opens a TAP device that root has made, also one that was another's before", async () => {
  for (const name of ["first", "second"]) {
    const vm = await world.bandsox.createVm(image, { name, memMib: 128 });
    expect(await vm.info()).toMatchObject({ engine: "firecracker", network: { mode: "slot" } });
    await expectInternet(vm);
    await vm.delete();
  }
});

test("clones of one snapshot have a network each", async () => {
  const source = await world.bandsox.createVm(image, { memMib: 128 });
  const { id } = await source.snapshot();
  const clones = [await world.bandsox.snapshots.restore(id), await world.bandsox.snapshots.restore(id)];
  const addresses = await Promise.all(
    [source, ...clones].map(async (vm) => (await vm.info()).network?.address),
  );
  expect(new Set(addresses).size).toBe(3);
  for (const vm of [source, ...clones]) await expectInternet(vm);
  for (const vm of [source, ...clones]) await vm.delete();
  await world.bandsox.snapshots.delete(id);
});

test("a CNI network's TAP device is opened as well", async () => {
  const vm = await world.bandsox.createVm(image, { memMib: 128, networking: { cni: "lab" } });
  expect(await vm.info()).toMatchObject({ network: { mode: "cni" } });
  await expectInternet(vm);
  await vm.delete();
});
