import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { VmSpec } from "@bandsox/contract";
import { FAKE_PROCESS, FAKE_STATS, type RunningVm, runningVm } from "@bandsox/testkit";
import { expect, test } from "vitest";
import type { Moment } from "../host/moment.ts";
import { vmPaths } from "../host/paths.ts";
import { processOwner } from "../store/ledger.ts";
import { cleanup } from "./cleanup.ts";
import { createVm } from "./create-vm.ts";
import { reconcile } from "./reconcile.ts";
import { Vm } from "./vm.ts";

/** What a supervisor writes before it enforces a limit. */
function enforce(w: RunningVm, action: string, cause: string): void {
  const at = new Date(0).toISOString();
  writeFileSync(vmPaths(w.ports.paths, w.vm.id).enforced, JSON.stringify({ action, cause, at }));
}

test("an end is told with its evidence, and is kept when the VM is gone", async () => {
  await using w = await runningVm();
  const paths = vmPaths(w.ports.paths, w.vm.id);
  const vitals = { at: "", stats: FAKE_STATS, processes: { processes: [FAKE_PROCESS] }, oom: { kills: [] } };
  writeFileSync(paths.vitals, JSON.stringify(vitals));
  writeFileSync(
    paths.console,
    "Kernel panic - not syncing: of a run before\n[bandsox: started again]\nlast \u001b[31mwords",
  );
  await w.engine.crash(w.dir, { exitCode: null, signal: "SIGSEGV", reason: "oops" });
  expect(await w.vm.why()).toMatchObject({
    ...{ cause: "vmm_crash", vmId: w.vm.id, summary: "its VMM was killed by SIGSEGV: oops" },
    evidence: { signal: "SIGSEGV", vmmLog: "oops", stats: FAKE_STATS, processes: [FAKE_PROCESS] },
  });
  expect((await w.vm.why())?.evidence.console).toBe("last [31mwords");
  expect(await w.vm.info()).toMatchObject({ state: "failed", ended: { cause: "vmm_crash" } });
  await w.vm.delete();
  expect(await w.vm.why()).toMatchObject({ cause: "vmm_crash" });
  expect(w.ports.ends.find("vm_other")).toBeUndefined();
});

test("what a hostile guest said of itself is left out when it makes no sense", async () => {
  await using w = await runningVm();
  writeFileSync(
    vmPaths(w.ports.paths, w.vm.id).vitals,
    JSON.stringify({ stats: { at: "no" }, processes: 7 }),
  );
  await w.engine.crash(w.dir, { exitCode: 1 });
  const end = await w.vm.why();
  expect(end).toMatchObject({ cause: "vmm_crash" });
  expect(end?.evidence.stats).toBeUndefined();
});

test("a command whose VM ends says why, and so does the next", async () => {
  await using w = await runningVm();
  const running = w.vm.exec(["sleep", "60"]).catch((error: unknown) => error);
  await w.vm.exec(["true"]);
  await w.engine.crash(w.dir, { exitCode: null, signal: "SIGKILL" });
  expect(await running).toMatchObject({ code: "vm_ended", details: { cause: "vmm_killed" } });
  await expect(w.vm.exec(["true"])).rejects.toThrow(/it is failed, not running: its VMM was killed/);
});

test("a VM that was stopped or deleted while it ran says so; one that had ended keeps its own end", async () => {
  await using w = await runningVm();
  await w.vm.stop();
  expect(await w.vm.why()).toMatchObject({ cause: "stopped" });
  await w.vm.start();
  expect((await w.vm.info()).ended).toBeUndefined();
  await w.vm.delete();
  expect(await w.vm.why()).toMatchObject({ cause: "deleted" });
});

test("what a supervisor did because of a limit is found: paused, stopped, deleted", async () => {
  await using w = await runningVm();
  enforce(w, "pause", "idle");
  expect(await w.vm.info()).toMatchObject({ state: "paused", pausedBy: "idle" });
  expect((await w.vm.exec(["echo", "on"])).stdout).toBe("on\n"); // and goes on when it is used
  expect(existsSync(vmPaths(w.ports.paths, w.vm.id).enforced)).toBe(false);
  enforce(w, "pause", "timeout");
  await expect(w.vm.exec(["true"])).rejects.toMatchObject({ code: "vm_wrong_state" });
  await w.vm.resume();
  enforce(w, "stop", "timeout");
  await w.engine.crash(w.dir, { exitCode: 0, requested: true });
  expect(await w.vm.info()).toMatchObject({ state: "stopped", ended: { cause: "timeout" } });
  await w.vm.start();
  enforce(w, "delete", "idle");
  await w.engine.crash(w.dir, { exitCode: null, signal: "SIGTERM", requested: true });
  await reconcile(w.ports);
  expect(w.ports.records.list()).toEqual([]);
  expect(existsSync(w.dir)).toBe(false);
  expect(await w.vm.why()).toMatchObject({ cause: "idle" });
});

test("limits are written for the supervisor, by the clock nobody sets, and renewed once they are over", async () => {
  await using w = await runningVm();
  let now: Moment = { wallMs: 1_000_000, uptimeMs: 5_000, bootId: "boot" };
  const ports = { ...w.ports, moment: () => now };
  const spec = VmSpec.parse({ image: "alpine", timeoutMs: 60_000, idleTimeoutMs: 2_000, onIdle: "stop" });
  const vm = new Vm(ports, (await createVm(ports, spec)).id);
  const limits = () => JSON.parse(readFileSync(vmPaths(ports.paths, vm.id).limits, "utf8"));
  const atFirst = { expiresAtMs: 1_060_000, expiresUptimeMs: 65_000, bootId: "boot" };
  expect(limits()).toMatchObject({ ...atFirst, onTimeout: "stop", idleTimeoutMs: 2_000, onIdle: "stop" });
  expect(await vm.info()).toMatchObject({
    expiresAt: new Date(1_060_000).toISOString(),
    idleTimeoutMs: 2_000,
  });

  now = { wallMs: 99_000_000, uptimeMs: 30_000, bootId: "boot" }; // the time of day was set
  await vm.restart();
  expect(limits()).toMatchObject(atFirst);
  now = { wallMs: 1_030_000, uptimeMs: 70_000, bootId: "boot" };
  await vm.restart();
  expect(limits()).toMatchObject({ expiresAtMs: 1_090_000, expiresUptimeMs: 130_000 });
  now = { wallMs: 1_040_000, uptimeMs: 0, bootId: "after a reboot" };
  await vm.setLimits({ idleTimeoutMs: null });
  expect(limits()).toMatchObject({ expiresAtMs: 1_090_000 });
  expect(limits()).not.toHaveProperty("idleTimeoutMs");
  await vm.setLimits({ timeoutMs: null });
  expect(limits()).not.toHaveProperty("expiresAtMs");
  await expect(vm.setLimits({ timeoutMs: 1 })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a stopped VM that is to be deleted at its time is, by whoever looks then", async () => {
  await using w = await runningVm();
  await w.vm.setLimits({ timeoutMs: 60_000, onTimeout: "delete" });
  await w.vm.stop();
  await reconcile(w.ports);
  expect(w.ports.records.list()).toHaveLength(1);
  const later = { ...w.ports, moment: () => ({ ...w.ports.moment(), uptimeMs: Number.MAX_SAFE_INTEGER }) };
  await reconcile(later);
  expect(w.ports.records.list()).toEqual([]);
});

test("a clean-up says what it would do, does it, and leaves what is at work alone", async () => {
  await using w = await runningVm();
  const { paths, ledger } = w.ports;
  const dead = processOwner({ pid: 0, startTime: "0", bootId: "" });
  const [orphan, own, stray] = ["orphan", "own", "stray"].map((name) => `${paths.stagingDir}/${name}`) as [
    string,
    string,
    string,
  ];
  for (const dir of [orphan, own, stray]) mkdirSync(dir, { recursive: true });
  ledger.record({ owner: dead, kind: "directory", locator: orphan });
  ledger.record({ owner: processOwner(), kind: "directory", locator: own });
  await w.engine.crash(w.dir, { exitCode: 1 });
  appendFileSync(`${stray}/file`, "x");

  const planned = await cleanup(w.ports, { dryRun: true });
  expect(planned).toMatchObject({ dryRun: true, removed: [], counts: { vm: 1, directory: 1, stray: 1 } });
  expect(existsSync(orphan)).toBe(true);
  const done = await cleanup(w.ports);
  expect(done.counts).toEqual({ vm: 1, directory: 1 });
  expect(done.left).toMatchObject([{ kind: "stray", locator: stray }]);
  expect([orphan, own, stray].map((dir) => existsSync(dir))).toEqual([false, true, true]);
  expect(await cleanup(w.ports, { strays: true })).toMatchObject({ counts: { stray: 1 }, left: [] });
  expect(await cleanup(w.ports)).toMatchObject({ counts: {}, removed: [], left: [] });
});
