import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Vm } from "bandsox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let image: string;

beforeAll(async () => {
  world = await openWorld();
  image = `dir:${await busyboxRoot(world.dir)}`;
});
afterAll(() => world[Symbol.asyncDispose]());

const POLL = { timeout: 60_000, interval: 100 };
const create = (options: Parameters<World["bandsox"]["createVm"]>[1] = {}) =>
  world.bandsox.createVm(image, { memMib: 128, ...options });

/** The process of a VM's own, as the host sees it. */
function processOf(vm: Vm, program: string): number {
  const line = world.leftovers().find((found) => found.includes(program) && found.includes(vm.id));
  return Number(line?.split(":")[0]);
}

describe("why a VM ended", () => {
  test("a kernel that panics: told by the error, by the record with the console, and by the command line", async () => {
    const vm = await create({ name: "panics" });
    await expect(vm.exec("echo c > /proc/sysrq-trigger; sleep 60")).rejects.toMatchObject({
      code: "vm_ended",
      details: { vmId: vm.id, cause: "kernel_panic" },
    });
    const end = await vm.why();
    expect(end).toMatchObject({ cause: "kernel_panic", evidence: { exitCode: 0, panic: /sysrq/ } });
    expect(end?.evidence.console).toContain("Kernel panic - not syncing");
    expect(await vm.info()).toMatchObject({ state: "failed", ended: { cause: "kernel_panic" } });
    await expect(vm.exec("true")).rejects.toThrow(/it is failed, not running: .*panicked/);
    const printed = await world.cli("why", "--lines", "60", "panics");
    expect(printed.stdout).toMatch(/cause {4}kernel_panic\n/);
    expect(printed.stdout).toContain("Kernel panic - not syncing");
    await vm.start();
    expect(await vm.exec("echo again")).toMatchObject({ stdout: "again\n" });
    await vm.stop();
    expect(await vm.why()).toMatchObject({ cause: "stopped" });
    await vm.start();
    await vm.execCommand("busybox poweroff -f").catch(() => undefined);
    await expect.poll(async () => (await vm.info()).state, POLL).toBe("stopped");
    expect(await vm.why()).toMatchObject({ cause: "powered_off" }); // and not the panic of before
    await vm.delete();
    expect(JSON.parse((await world.cli("vm", "why", "--json", "panics")).stdout).cause).toBe("powered_off");
  });

  test("a guest that runs out of memory, with the process that was killed", async () => {
    const vm = await create();
    const hog = "echo 2 > /proc/sys/vm/panic_on_oom; busybox tail /dev/zero";
    await expect(vm.exec(hog)).rejects.toMatchObject({ code: "vm_ended", details: { cause: "guest_oom" } });
    expect((await vm.why())?.advice).toContain("memMib");
    await vm.delete();
  });

  test("an agent that ends", async () => {
    const vm = await create();
    await vm.exec("kill -ABRT 1; sleep 60").catch(() => undefined);
    await expect.poll(async () => (await vm.info()).ended?.cause, POLL).toBe("init_exit");
    await vm.delete();
  });

  test.for([
    ["SIGKILL", "vmm_killed"],
    ["SIGSEGV", "vmm_crash"],
  ] as const)("a VMM that gets %s: %s", async ([signal, cause]) => {
    const vm = await create();
    process.kill(processOf(vm, "qemu-system"), signal);
    await expect.poll(async () => (await vm.info()).ended?.cause, POLL).toBe(cause);
    expect(await vm.why()).toMatchObject({ evidence: { signal } });
    await vm.delete();
    expect(await world.bandsox.why(vm.id)).toMatchObject({ cause });
  });

  test("a machine that was restarted is told from processes that were killed", async () => {
    const [killed, rebooted] = [await create(), await create()];
    for (const vm of [killed, rebooted]) process.kill(processOf(vm, "bandsox-supervise"), "SIGKILL");
    await expect.poll(() => world.leftovers(), POLL).toEqual([]);
    const signature = join(world.storage, "vms", rebooted.id, "supervisor.json");
    const signed = JSON.parse(readFileSync(signature, "utf8"));
    writeFileSync(signature, JSON.stringify({ ...signed, bootId: "00000000-0000-4000-8000-000000000000" }));
    expect((await killed.info()).ended?.cause).toBe("vmm_killed");
    expect((await rebooted.info()).ended?.cause).toBe("host_reboot");
    for (const vm of [killed, rebooted]) await vm.delete();
  });
});

describe("limits", () => {
  test("a VM whose time is over is stopped though nobody looks, and its disk is kept whole", async () => {
    const vm = await create();
    await vm.exec("echo kept > /kept");
    await vm.setLimits({ timeoutMs: 1000 });
    await expect.poll(() => world.leftovers(), POLL).toEqual([]);
    expect(await vm.info()).toMatchObject({ state: "stopped", ended: { cause: "timeout" } });
    await vm.setLimits({ timeoutMs: null });
    await vm.start();
    expect(await vm.exec("cat /kept")).toMatchObject({ stdout: "kept\n" });
    await vm.delete();
  });

  test("a VM that is to be deleted then is gone, also when it was paused; why is kept", async () => {
    const vm = await create();
    await vm.pause();
    await vm.setLimits({ timeoutMs: 1000, onTimeout: "delete" });
    await expect.poll(() => world.leftovers(), POLL).toEqual([]);
    expect(await world.bandsox.listVms()).toEqual([]);
    expect(await world.bandsox.why(vm.id)).toMatchObject({ cause: "timeout" });
    await expect(vm.info()).rejects.toMatchObject({ code: "vm_not_found" });
  });

  test("a VM in use stays awake and says by what; one that is not is paused, and goes on when it is used", async () => {
    const vm = await create({ idleTimeoutMs: 3000, idleCpuPercent: 0 });
    const controller = new AbortController();
    const sleeping = vm.exec("sleep 600", { signal: controller.signal }).catch(() => undefined);
    await expect.poll(async () => (await vm.info()).idle?.keptAwakeBy, POLL).toContain("clients");
    const spinning = vm.sessions.start("while :; do :; done");
    controller.abort();
    await sleeping;
    const session = await spinning;
    await expect.poll(async () => (await vm.info()).idle?.keptAwakeBy, POLL).toEqual(["cpu"]);
    await session.kill();
    await vm.setLimits({ idleCpuPercent: 1000 }); // an emulated guest on a busy host is never quite still
    await expect.poll(async () => (await vm.info()).state, POLL).toBe("paused");
    expect(await vm.info()).toMatchObject({ pausedBy: "idle" });
    expect(await vm.exec("echo awake")).toMatchObject({ stdout: "awake\n" });
    expect(await vm.info()).toMatchObject({ state: "running" });
    await vm.delete();
  });
});
