import { chmod, copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { defaultBinDir, readBootFiles } from "@bandsox/core";
import {
  findFirecracker,
  firecrackerEngine,
  helperPaths,
  judgeKvm,
  kvmEvidence,
  Launcher,
} from "@bandsox/core/engine-parts";
import { engineContract, temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { describe, inject } from "vitest";
import { firecrackerBinary, isReal, PATIENCE } from "./support/binary.ts";

const bootStorage = inject("bootStorage");

describe.skipIf(!bootStorage).for(["vsock", "serial"] as const)(
  "the firecracker engine over %s",
  (transport) => {
    engineContract(async () => {
      const scratch = await temporaryDirectory();
      const binary = await firecrackerBinary(join(scratch.path, "bin"));
      const acceleration = isReal ? undefined : ("kvm" as const);
      const launcher = new Launcher(helperPaths(defaultBinDir(process.env)).supervise);
      const engine = firecrackerEngine({
        launcher,
        find: () =>
          findFirecracker({ kvm: judgeKvm(kvmEvidence()), acceleration, binary, installDir: scratch.path }),
        ...{ transport, patience: PATIENCE, diskLimits: { bandwidthMbps: 200, iops: 5000 } },
        warn: (message) => process.emitWarning(message),
      });
      const { vmlinuxPath, initramfsPath } = await readBootFiles(bootStorage ?? "");
      const baseDisk = await busyboxDisk(scratch.path);
      const machine = async (dir: string) => {
        const layerDisk = join(dir, "layer.ext4");
        await execa("mke2fs", ["-q", "-F", "-t", "ext4", layerDisk, "128M"]);
        return { vcpu: 1, memMib: 128, vmlinuxPath, initramfsPath, baseDisk, layerDisk };
      };
      return { engine, machine, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
    });
  },
);

async function busyboxDisk(dir: string): Promise<string> {
  const root = join(dir, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  await symlink("busybox", join(root, "bin/echo"));
  const disk = join(dir, "base.ext4");
  await execa("mke2fs", ["-q", "-F", "-t", "ext4", "-d", root, disk, "16M"]);
  return disk;
}
