import { chmod, copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { engineContract, temporaryDirectory } from "@bandsox/testkit";
import { describe, inject } from "vitest";
import { mke2fsArgs } from "../../disk/layer-disk.ts";
import { judgeKvm, kvmEvidence } from "../../host/acceleration.ts";
import { findTool } from "../../host/find-tool.ts";
import { defaultBinDir, helperPaths } from "../../host/paths.ts";
import { run } from "../../host/run.ts";
import { readBootFiles } from "../../setup/boot-files.ts";
import { Launcher } from "../launcher.ts";
import { findQemu } from "./find-qemu.ts";
import { qemuEngine } from "./qemu-engine.ts";

const bootStorage = inject("bootStorage");
const missing = ["qemu-system-x86_64", "mke2fs", "busybox"].filter((tool) => !findTool(tool));
if (!bootStorage) missing.push("a guest kernel");
if (missing.length > 0)
  process.stderr.write(`skipped: the qemu engine's contract needs ${missing.join(", ")}\n`);

describe.skipIf(missing.length > 0).for(["virtio-serial", "serial"] as const)(
  "the qemu engine over %s",
  (transport) => {
    engineContract(async () => {
      const launcher = new Launcher(helperPaths(defaultBinDir(process.env)).supervise);
      const find = () => findQemu({ kvm: judgeKvm(kvmEvidence()), transport });
      const engine = qemuEngine({ launcher, find });
      const { vmlinuxPath, initramfsPath } = await readBootFiles(bootStorage ?? "");
      const scratch = await temporaryDirectory();
      const baseDisk = await busyboxDisk(scratch.path);
      const machine = async (dir: string) => {
        const layerDisk = join(dir, "layer.ext4");
        await run("mke2fs", mke2fsArgs(layerDisk, 128));
        return { vcpu: 1, memMib: 128, vmlinuxPath, initramfsPath, baseDisk, layerDisk };
      };
      return { engine, machine, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
    });
  },
);

async function busyboxDisk(dir: string): Promise<string> {
  const root = join(dir, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  await copyFile(findTool("busybox") ?? "", join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  await symlink("busybox", join(root, "bin/echo"));
  const disk = join(dir, "base.ext4");
  await run("mke2fs", ["-q", "-F", "-t", "ext4", "-d", root, disk, "16M"]);
  return disk;
}
