import type { Vm } from "bandsox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxRoot, openWorld, type World } from "./support/world.ts";

let world: World;
let vm: Vm;

beforeAll(async () => {
  world = await openWorld();
  const image = `dir:${await busyboxRoot(world.dir)}`;
  vm = await world.bandsox.createVm(image, {
    name: "first",
    env: { MINE: "yes" },
    diskSizeMib: 512,
    memMib: 128,
    vcpu: 2,
  });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a VM from a plain root directory", () => {
  test("runs shell commands and tells their exit code", async () => {
    expect(await vm.execCommand("exit 7")).toBe(7);
    expect(await vm.exec("echo out; echo err >&2")).toMatchObject({
      stdout: "out\n",
      stderr: "err\n",
      exitCode: 0,
    });
  });

  test("has the host name, the variables, the CPUs and the clock it was given", async () => {
    expect((await vm.exec("hostname")).stdout).toBe("first\n");
    expect((await vm.exec("echo $MINE")).stdout).toBe("yes\n");
    expect((await vm.exec("cat /proc/cpuinfo")).stdout.match(/^processor/gm)).toHaveLength(2);
    const guestSeconds = Number((await vm.exec("busybox date +%s")).stdout);
    expect(Math.abs(guestSeconds - Date.now() / 1000)).toBeLessThan(10);
  });

  test("has a writable disk of the size asked for", async () => {
    const [, size] =
      (await vm.exec("df -m / | busybox tail -1 | busybox awk '{print $2}'")).stdout.match(/^([0-9]+)/) ?? [];
    expect(Number(size)).toBeGreaterThan(480);
    expect(Number(size)).toBeLessThanOrEqual(512);
    expect(await vm.execCommand("echo kept > /file && cat /file")).toBe(0);
  });

  test("has the file systems programs expect", async () => {
    const { stdout } = await vm.exec("cat /proc/mounts");
    for (const place of ["/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/sys/fs/cgroup", "/run"]) {
      expect(stdout).toMatch(new RegExp(` ${place} `));
    }
    expect(await vm.execCommand("test -c /dev/null && test -c /dev/urandom && echo x > /dev/shm/x")).toBe(0);
  });

  test("output arrives byte for byte, however much it is", async () => {
    const made = "busybox seq 1 200000";
    const inside = (await vm.exec(`${made} | md5sum`)).stdout.slice(0, 32);
    const { createHash } = await import("node:crypto");
    expect(
      createHash("md5")
        .update((await vm.exec(made)).stdout)
        .digest("hex"),
    ).toBe(inside);
  });

  test("commands run side by side", async () => {
    const results = await Promise.all(Array.from({ length: 10 }, (_, n) => vm.exec(`echo ${n}`)));
    expect(results.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}\n`));
  });

  test("a time limit kills the command and what it started", async () => {
    const result = await vm.exec("sleep 1000 & sleep 1000", { timeoutMs: 500 });
    expect(result).toMatchObject({ timedOut: true, exitCode: 137 });
    expect((await vm.exec("busybox ps")).stdout).not.toContain("sleep 1000");
  });

  test("a background child does not hold the call", async () => {
    expect(await vm.exec("sleep 1000 & echo started")).toMatchObject({ stdout: "started\n", exitCode: 0 });
  });

  test("what cannot be run is refused with the reason", async () => {
    await expect(vm.exec(["/no/such"])).rejects.toMatchObject({ code: "exec_not_started" });
    await expect(vm.exec(["true"], { user: "nobody-here" })).rejects.toMatchObject({
      code: "exec_not_started",
    });
    await expect(vm.exec(["true"], { cwd: "/no/such" })).rejects.toMatchObject({ code: "exec_not_started" });
    await expect(vm.execPythonCapture("1")).rejects.toMatchObject({
      code: "python_missing",
      message: expect.stringContaining("python3"),
    });
  });

  test("another process uses the same VM", async () => {
    expect(await world.cli("exec", "first", "sh", "-c", "cat /file; exit 3")).toMatchObject({
      code: 3,
      stdout: "kept\n",
    });
    const listed = JSON.parse((await world.cli("vm", "list", "--json")).stdout);
    expect(listed).toMatchObject([{ id: vm.id, name: "first", state: "running", memMib: 128 }]);
  });

  test("stops from another process, asking the guest first", async () => {
    expect(await world.cli("vm", "stop", vm.id)).toMatchObject({ code: 0, stdout: `${vm.id}\n` });
    expect(await vm.info()).toMatchObject({ state: "stopped" });
    expect(world.leftovers()).toEqual([]);
  });
});
