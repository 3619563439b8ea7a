import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { defaultBinDir } from "@bandsox/core";
import { type FirecrackerTraits, installFirecrackerDouble } from "@bandsox/testkit";
import { BandSox, type Vm } from "bandsox";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, type World } from "../e2e/support/world.ts";
import { isReal } from "./support/binary.ts";
import { openFirecrackerWorld } from "./support/use-firecracker.ts";

if (isReal) process.stderr.write("skipped: what goes wrong on purpose needs the double\n");

let world: World;
let image: string;
let made = 0;

beforeAll(async () => {
  world = await openFirecrackerWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

const opened: BandSox[] = [];
afterEach(async () => {
  for (const { id } of await world.bandsox.listVms()) await (await world.bandsox.getVm(id)).delete();
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});

/** The world's storage with another Firecracker. */
async function withDouble(
  traits: Partial<FirecrackerTraits>,
): Promise<{ bandsox: BandSox; warnings: string[] }> {
  const binDir = defaultBinDir(process.env);
  const firecracker = await installFirecrackerDouble(join(world.dir, `double-${made++}`), {
    ...traits,
    binDir,
  });
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const bandsox = new BandSox({ storageDir: world.storage, firecracker, onWarning, patience: 2 });
  opened.push(bandsox);
  return { bandsox, warnings };
}

/** Nothing of a VM is left: no process, no directory, no row. */
async function expectNothingLeft(): Promise<void> {
  expect(world.leftovers()).toEqual([]);
  expect(await world.bandsox.listVms()).toEqual([]);
  const vms = join(world.storage, "vms");
  expect(existsSync(vms) ? readdirSync(vms) : []).toEqual([]);
}

const COLD = { memMib: 128, boot: "cold" } as const;

describe.skipIf(isReal)("a Firecracker that fails", () => {
  test.for([
    "PUT /machine-config",
    "PUT /boot-source",
    "PUT /drives/{id}",
    "PUT /entropy",
    "PUT /balloon",
    "PUT /vsock",
    "PUT /actions",
  ])("by dying at %s leaves nothing of the VM, and the reason", async (diesAt) => {
    const { bandsox } = await withDouble({ diesAt });
    await expect(bandsox.createVm(image, COLD)).rejects.toMatchObject({
      code: "vm_start_failed",
      message: expect.stringMatching(/ended|socket|close/i),
    });
    await expectNothingLeft();
  });

  test("by refusing a request is told in its own words", async () => {
    const { bandsox } = await withDouble({ refuses: "PUT /vsock" });
    await expect(bandsox.createVm(image, COLD)).rejects.toMatchObject({
      code: "vm_start_failed",
      details: { stage: "machine" },
      message: expect.stringContaining(
        "Firecracker refused PUT /vsock: The double was told to refuse PUT /vsock.",
      ),
    });
    await expectNothingLeft();
  });

  test("by never making its API socket is given up", async () => {
    const { bandsox } = await withDouble({ withoutApi: true });
    await expect(bandsox.createVm(image, COLD)).rejects.toMatchObject({
      code: "vm_start_failed",
      message: expect.stringContaining("its API socket did not appear"),
    });
    await expectNothingLeft();
  });

  test.for(["PUT /snapshot/load", "PATCH /drives/{id}"])(
    "by dying at %s of a golden costs the VM a boot and not its life",
    async (diesAt) => {
      const { bandsox, warnings } = await withDouble({ diesAt });
      const vm = await bandsox.createVm(image, { memMib: 128 });
      expect(await vm.execCommand("true")).toBe(0);
      expect(warnings.join()).toContain("starting it another way");
      await vm.delete();
      await expectNothingLeft();
    },
  );

  test.for(["PUT /snapshot/load", "PATCH /drives/{id}"])(
    "by dying at %s of a restore leaves nothing of the clone, and the snapshot as it was",
    async (diesAt) => {
      const armedBy = join(world.dir, "armed");
      const { bandsox } = await withDouble({ diesAt, armedBy });
      const vm = await bandsox.createVm(image, { memMib: 128 });
      await vm.execCommand("echo kept > /kept");
      const { id } = await vm.snapshot();
      await vm.delete();
      writeFileSync(armedBy, "");
      await expect(bandsox.snapshots.restore(id)).rejects.toMatchObject({
        code: "vm_start_failed",
        message: expect.stringMatching(/ended|socket|close/i),
      });
      await expectNothingLeft();
      rmSync(armedBy);
      const clone = await bandsox.snapshots.restore(id);
      expect((await clone.exec("cat /kept")).stdout).toBe("kept\n");
      await clone.delete();
      await bandsox.snapshots.delete(id);
    },
  );

  test.for([
    ["PATCH /vm", "pause", (vm: Vm) => vm.pause()],
    ["PATCH /vm", "snapshot", (vm: Vm) => vm.snapshot()],
    ["PUT /snapshot/create", "snapshot", (vm: Vm) => vm.snapshot()],
  ] as const)(
    "by dying at %s of a %s has ended the VM, and leaves nothing else",
    async ([diesAt, , change]) => {
      const armedBy = join(world.dir, "armed");
      const { bandsox } = await withDouble({ diesAt, armedBy });
      const vm = await bandsox.createVm(image, { memMib: 128 });
      writeFileSync(armedBy, "");
      await expect(change(vm)).rejects.toMatchObject({ code: "vm_control_failed" });
      rmSync(armedBy);
      await expect.poll(async () => (await vm.info()).state, { timeout: 15_000 }).toBe("failed");
      expect(await bandsox.snapshots.list()).toEqual([]);
      await vm.start();
      expect((await vm.exec("echo again")).stdout).toBe("again\n");
      await vm.delete();
      await expectNothingLeft();
    },
  );

  test.for(["PUT /snapshot/load", "PATCH /drives/{id}"])(
    "by refusing %s of a golden costs the VM a boot and not its limits",
    async (refuses) => {
      const { bandsox, warnings } = await withDouble({ refuses });
      const vm = await bandsox.createVm(image, { memMib: 128 });
      expect(await vm.execCommand("true")).toBe(0);
      expect(warnings.join()).toContain(`Firecracker refused ${refuses.replace("{id}", "layer")}`);
      await vm.delete();
      await expectNothingLeft();
    },
  );

  test("by losing vsock on resume is reached over the serial line, and says so", async () => {
    const { bandsox, warnings } = await withDouble({ losesVsock: "on resume" });
    const vm = await bandsox.createVm(image, { memMib: 128 });
    await vm.pause();
    await vm.resume();
    expect(warnings.join()).toContain("vsock is dead");
    expect(await vm.info()).toMatchObject({ transport: "serial" });
    expect((await vm.exec("busybox seq 1 1000")).stdout).toHaveLength(3893);
    const log = readFileSync(join(world.storage, "vms", vm.id, "vmm.log"), "utf8");
    expect(log).toContain("the channel is on the serial line now");
    await vm.stop();
    await vm.delete();
  });

  test("by losing vsock on restore is reached over the serial line", async () => {
    const { bandsox } = await withDouble({ losesVsock: "on restore" });
    const vm = await bandsox.createVm(image, { memMib: 128 });
    expect(await vm.info()).toMatchObject({ transport: "serial" });
    expect((await vm.exec("echo reached")).stdout).toBe("reached\n");
    await vm.delete();
  });

  test("that is too old is refused with the reason", async () => {
    const { bandsox } = await withDouble({ version: "1.6.0" });
    await expect(bandsox.createVm(image, COLD)).rejects.toMatchObject({
      code: "engine_unavailable",
      message: expect.stringContaining("is version 1.6.0"),
    });
  });
});

describe.skipIf(isReal)("the guest's console", () => {
  let vm: Vm;
  beforeAll(async () => {
    vm = await world.bandsox.createVm(image, { memMib: 128 });
  });

  const alive = async () => expect((await vm.exec("echo alive")).stdout).toBe("alive\n");
  const log = () => readFileSync(join(world.storage, "vms", vm.id, "console.log"));

  test("may be sent bytes that are no text, what looks like our own messages, and more than anybody reads", async () => {
    await vm.execCommand("printf '\\377\\376\\000\\n' > /dev/ttyS0");
    await vm.execCommand(`echo '5' > /dev/ttyS0; echo '{"type":"exited","exitCode":0}' > /dev/ttyS0`);
    await vm.execCommand("printf 'BSXSYNA\\001' > /dev/ttyS0");
    await alive();
    const flood = "busybox yes flood | busybox head -c 200000 > /dev/ttyS0";
    expect(await vm.execCommand(flood, { timeoutMs: 120_000 })).toBe(0);
    await alive();
    await expect.poll(() => log().length).toBeGreaterThan(200_000); // nobody else reads it
  });
});

describe.skipIf(isReal)("what an earlier run left", () => {
  test("does not keep a VM from starting: a dead socket, and a pid that is another's", async () => {
    const vm = await world.bandsox.createVm(image, { memMib: 128 });
    const dir = join(world.storage, "vms", vm.id);
    await vm.stop();
    await deadSocket(join(dir, "agent.sock"));
    await deadSocket(join(dir, "api.sock"));
    await deadSocket(join(dir, "vsock.sock"));
    // A process of ours that is not the supervisor, whatever its number.
    const stranger = { pid: process.pid, startTime: "1", bootId: "another" };
    writeFileSync(join(dir, "supervisor.json"), JSON.stringify(stranger));
    await vm.start();
    expect((await vm.exec("echo again")).stdout).toBe("again\n");
    await vm.delete();
  });
});

/** A socket file nobody listens on any more. */
async function deadSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
  const { renameSync } = await import("node:fs");
  renameSync(`${path}.new`, path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
