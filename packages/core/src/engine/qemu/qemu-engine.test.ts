import { mkdir, writeFile } from "node:fs/promises";
import { BandSoxError, VmId } from "@bandsox/contract";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { storagePaths, vmPaths } from "../../host/paths.ts";
import { Launcher } from "../launcher.ts";
import { qemuEngine } from "./qemu-engine.ts";

const vmId = VmId.parse("vm_000000000000");

test("VMs are looked after on a host that has no QEMU any more; only new ones are refused", async () => {
  await using directory = await temporaryDirectory();
  const paths = vmPaths(storagePaths(directory.path), vmId);
  await mkdir(paths.dir, { recursive: true });
  await writeFile(paths.exit, JSON.stringify({ exitCode: 3, signal: null, requested: false }));
  const missing = new BandSoxError("engine_unavailable", "gone", { engine: "qemu", reason: "gone" });
  const engine = qemuEngine({
    launcher: new Launcher("/nowhere"),
    find: () => {
      throw missing;
    },
  });
  expect(engine.find(paths)).toBeUndefined();
  expect(engine.findExit(paths)).toMatchObject({ exitCode: 3 });
  expect(await engine.waitForExit(paths, 10)).toBe(true);
  await engine.terminate(paths);
  expect(() => engine.check()).toThrow(missing);
  const machine = {
    vcpu: 1,
    memMib: 128,
    vmlinuxPath: "",
    initramfsPath: "",
    baseDisk: "",
    memoryFile: "/nowhere",
    layerDisk: "",
  };
  await expect(engine.boot({ vmId, paths, machine })).rejects.toBe(missing);
});
