import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { contentName } from "../content-name.ts";
import type { MachineSpec } from "../engine.ts";
import { processor } from "../processor.ts";
import { LEAN_KERNEL, qemuCommandLine } from "./command-line.ts";
import type { FoundQemu } from "./find-qemu.ts";

/**
 * Words that say how the host hears of the channel, what the agent does beside it, or how its kernel guards itself. A machine that
 * was saved without them goes on with them: its devices are the same.
 */
const NOT_OF_THE_MACHINE = [/,id=agent$/, / bandsox\.fallback=serial/, ` ${LEAN_KERNEL.join(" ")}`];

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
  }).map((word) => NOT_OF_THE_MACHINE.reduce<string>((rest, one) => rest.replace(one, ""), word));
  const { size, mtimeMs } = statSync(realpathSync(binary));
  return createHash("sha256")
    .update(JSON.stringify([argv, size, mtimeMs, processor()]))
    .digest("hex")
    .slice(0, 32);
}
