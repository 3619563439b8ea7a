import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";
import { storagePaths, vmPaths } from "../host/paths.ts";
import { findProcessIdentity } from "../host/process-identity.ts";
import { terminateSupervisor } from "./supervisor.ts";

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
