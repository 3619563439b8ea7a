import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { storagePaths, vmPaths } from "../host/paths.ts";
import { findProcessIdentity } from "../host/process-identity.ts";
import { terminateSupervisor } from "./supervisor.ts";

const vmId = VmId.parse("vm_000000000000");

/** A VM's directory in which a living process has signed as the supervisor. */
async function signedIn({ cwd }: { cwd?: string } = {}) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const paths = vmPaths(storagePaths(path), vmId);
  mkdirSync(paths.dir, { recursive: true });
  const child = spawn("sleep", ["60"], { stdio: "ignore", cwd: cwd ?? paths.dir });
  const ended = once(child, "exit");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await once(child, "spawn");
  writeFileSync(paths.supervisor, JSON.stringify(findProcessIdentity(child.pid ?? 0)));
  return { paths, pid: child.pid, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a supervisor that cannot be ended is not taken for gone", async () => {
  await using supervisor = await signedIn();
  const unheeded = { patienceMs: 30, send: () => {} };
  await expect(terminateSupervisor(supervisor.paths, unheeded)).rejects.toMatchObject({
    code: "vm_stop_failed",
    details: { vmId, pid: supervisor.pid },
  });
});

test("a supervisor that was ended is gone", async () => {
  await using supervisor = await signedIn();
  await terminateSupervisor(supervisor.paths);
  expect(findProcessIdentity(supervisor.pid ?? 0)).toBeUndefined();
});

test.for([
  ["has another start time", { startTime: "1" }],
  ["is of another boot of the machine", { bootId: "another" }],
] as const)(
  "a process that has the supervisor's pid and %s is a stranger, and is left alone",
  async ([, is]) => {
    await using stranger = await signedIn();
    const identity = { ...findProcessIdentity(stranger.pid ?? 0), ...is };
    writeFileSync(stranger.paths.supervisor, JSON.stringify(identity));
    await terminateSupervisor(stranger.paths);
    expect(findProcessIdentity(stranger.pid ?? 0)).toBeDefined();
  },
);

test("a process that works in another directory is that of another copy of the VM, and is left alone", async () => {
  await using original = await temporaryDirectory();
  await using supervisor = await signedIn({ cwd: original.path });
  await terminateSupervisor(supervisor.paths);
  expect(findProcessIdentity(supervisor.pid ?? 0)).toBeDefined();
});
