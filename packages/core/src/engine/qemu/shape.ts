import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { MachineSpec } from "../engine.ts";
import { qemuCommandLine } from "./command-line.ts";
import type { FoundQemu } from "./find-qemu.ts";

/**
 * Names everything a saved machine of QEMU's depends on besides its disks: the whole command line, the program, the
 * processor it runs on, and the boot files, which are found by their content.
 */
export function qemuShape(
  { binary, acceleration, transport }: FoundQemu,
  machine: Omit<MachineSpec, "baseDisk" | "layerDisk">,
): string {
  const anywhere = {
    ...{ ...machine, memoryFile: "memory", baseDisk: "base", layerDisk: "layer" },
    vmlinuxPath: contentName(machine.vmlinuxPath),
    initramfsPath: contentName(machine.initramfsPath),
  };
  const argv = qemuCommandLine({
    ...{ binary, acceleration, transport, channelSocket: "channel", incoming: false },
    machine: anywhere,
  });
  const { size, mtimeMs } = statSync(realpathSync(binary));
  return createHash("sha256")
    .update(JSON.stringify([argv, size, mtimeMs, processor()]))
    .digest("hex")
    .slice(0, 32);
}

/** A boot file by the two names that say what is in it, whatever storage it is in: its kernel's digest and its own. */
function contentName(path: string): string {
  return join(basename(dirname(path)), basename(path));
}

/** The processor's model and features: a guest has seen them and must find them again. */
function processor(): readonly (string | undefined)[] {
  const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
  return ["model name", "flags", "microcode"].map(
    (field) => new RegExp(`^${field}\\s*:\\s*(.*)$`, "m").exec(cpuinfo)?.[1],
  );
}
