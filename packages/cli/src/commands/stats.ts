import { Command } from "@commander-js/extra-typings";
import type { VmStats } from "bandsox";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";
import { columns } from "../print/columns.ts";
import { mebibytes } from "../print/size.ts";

const MS_PER_SECOND = 1000;

/** `bandsox stats`: how a guest is doing. */
export function statsCommand(context: CliContext) {
  return new Command("stats")
    .description("print what a VM's guest says of its time, memory, disk and load")
    .argument("<vm>", "id, name, or the start of an id")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .action(async (reference, { json, storage }) => {
      await using bandsox = context.openBandSox({ storage });
      const vm = await bandsox.getVm(reference);
      const stats = await vm.stats({ signal: context.signal });
      await context.stdout.write(json ? `${JSON.stringify(stats, undefined, 2)}\n` : text(stats));
    });
}

function text({ uptimeMs, cpu, memory, disk, processes, load, oomKills, io, network }: VmStats): string {
  const rows = [
    ["up", `${Math.floor(uptimeMs / MS_PER_SECOND)} s`],
    ["cpu", `${cpu.count}, used ${(cpu.usedMs / MS_PER_SECOND).toFixed(1)} s`],
    ["load", load.map((value) => value.toFixed(2)).join(" ")],
    ["memory", `${mebibytes(memory.totalBytes)}, available ${mebibytes(memory.availableBytes)}`],
    ["disk", `${mebibytes(disk.totalBytes)}, used ${mebibytes(disk.usedBytes)}`],
    ["read", mebibytes(io.readBytes)],
    ["written", mebibytes(io.writtenBytes)],
    ...(network
      ? [
          ["received", mebibytes(network.rxBytes)],
          ["sent", mebibytes(network.txBytes)],
        ]
      : []),
    ["processes", `${processes}`],
    ["oom kills", `${oomKills}`],
  ];
  return columns(["WHAT", "NOW"], rows);
}
