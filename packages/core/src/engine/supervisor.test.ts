import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { BandSoxError, VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";
import { storagePaths, vmPaths } from "../host/paths.ts";
import { findProcessIdentity } from "../host/process-identity.ts";
import type { Launched } from "./launcher.ts";
import { launchSupervisor, terminateSupervisor } from "./supervisor.ts";

async function vmDirectory() {
  const directory = await temporaryDirectory();
  const paths = vmPaths(storagePaths(directory.path), VmId.parse("vm_000000000000"));
  await mkdir(paths.dir, { recursive: true });
  await writeFile(paths.launchConfig, "{}");
  return { paths, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test("a supervisor that has not signed yet finds nothing to launch", async () => {
  await using vm = await vmDirectory();
  await terminateSupervisor(vm.paths);
  expect(existsSync(vm.paths.launchConfig)).toBe(false);
});

test("the launch configuration is gone before the supervisor is told to end", async () => {
  await using vm = await vmDirectory();
  const look = `trap '[ -e launch.json ] && echo there > seen || echo gone > seen; exit' TERM`;
  const script = `${look}; echo up; while :; do sleep 0.01; done`;
  const supervisor = execa("sh", ["-c", script], { cwd: vm.paths.dir, reject: false });
  await once(supervisor.stdout, "data");
  const identity = findProcessIdentity(supervisor.pid ?? 0);
  await writeFile(vm.paths.supervisor, JSON.stringify(identity));
  await terminateSupervisor(vm.paths);
  expect(await readFile(`${vm.paths.dir}/seen`, "utf8")).toBe("gone\n");
});

/** Launches a supervisor that only says what one says. */
async function launchSaying(events: readonly object[], onStarted = async () => {}) {
  await using vm = await vmDirectory();
  const ended = Promise.withResolvers<string>();
  const launch = (_config: string, onEvent: (event: unknown) => void): Launched => {
    queueMicrotask(() => {
      for (const event of events) onEvent(event);
    });
    return { ended: ended.promise, signal: ended.resolve, leave: () => {} };
  };
  const vmId = VmId.parse("vm_000000000000");
  return await launchSupervisor({
    ...{
      vmId,
      paths: vm.paths,
      launcher: { launch },
      argv: ["vmm"],
      transport: "vsock",
      bootTimeoutMs: 20_000,
    },
    onStarted,
  });
}

test("a machine is up when it is made as it is to be, also where its guest answers before that", async () => {
  let isMade = false;
  const times = await launchSaying([{ type: "started", startMs: 3.5 }, { type: "agent-ready" }], async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    isMade = true;
  });
  expect(isMade).toBe(true);
  expect(times.startMs).toBe(3.5);
});

test("a refusal that comes after the guest has answered is one all the same", async () => {
  const refused = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const details = { request: "PATCH /drives/layer", fault: "no", status: 400 };
    throw new BandSoxError("vmm_refused", "Firecracker refused PATCH /drives/layer: no", details);
  };
  await expect(launchSaying([{ type: "started" }, { type: "agent-ready" }], refused)).rejects.toMatchObject({
    code: "vm_start_failed",
    message: expect.stringContaining("refused PATCH /drives/layer: no"),
  });
});

test.each([
  { said: { takenPort: "127.0.0.1:80" }, code: "port_unavailable", details: { address: "127.0.0.1:80" } },
  {
    said: { noSpace: true },
    code: "disk_full",
    details: { path: expect.stringContaining("vm_000000000000") },
  },
  { said: {}, code: "vm_start_failed", details: { stage: "vmm" } },
])("what a supervisor says of its failure is the failure: $code", async ({ said, code, details }) => {
  const failed = { type: "failed", message: "it cannot", ...said };
  await expect(launchSaying([failed])).rejects.toMatchObject({
    ...{ code, details: expect.objectContaining(details) },
    message: "cannot start vm_000000000000: it cannot",
  });
});
