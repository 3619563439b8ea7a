import { setTimeout } from "node:timers/promises";
import { Option } from "@commander-js/extra-typings";
import type { Vm, VmStats } from "bandsox";
import { argument } from "../args/argument.ts";
import { type CommonOptions, storeCommand } from "../args/common-options.ts";
import { parseDurationMs } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { mebibytes } from "../print/size.ts";
import { table } from "../print/table.ts";
import { jsonLine, tell } from "../print/tell.ts";

const MS_PER_SECOND = 1000;
const INTERVAL_MS = 1000;
const SHORTEST_INTERVAL_MS = 100;
/** To the top left, and what was below is gone */
const START_OVER = "\u001b[H\u001b[J";

/** `bandsox stats`: how a guest is doing. */
export function statsCommand(context: CliContext) {
  return storeCommand("stats")
    .description("print what a VM's guest says of its time, memory, disk and load")
    .argument("<vm>", "id, name, or the start of an id")
    .option("-w, --watch", "print it again and again until interrupted; as JSON one line each time")
    .addOption(
      new Option("--interval <duration>", "time between two looks, with --watch (default: 1s)").argParser(
        argument(parseDurationMs),
      ),
    )
    .addHelpText("after", "\nExamples:\n  bandsox stats my-vm\n  bandsox stats --watch --json my-vm")
    .action(async (reference, { watch, interval = INTERVAL_MS, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await bandsox.getVm(reference);
      const pauseMs = Math.max(interval, SHORTEST_INTERVAL_MS);
      if (watch) return await watchStats(context, vm, { ...options, pauseMs }); // before the storage is closed
      const stats = await vm.stats({ signal: context.signal });
      await tell(context, options, { json: stats, text: () => text(context, stats) });
    });
}

async function watchStats(
  context: CliContext,
  vm: Vm,
  { json, pauseMs }: CommonOptions & { pauseMs: number },
): Promise<void> {
  const { signal, stdout } = context;
  while (!signal.aborted) {
    const stats = await untilInterrupted(signal, vm.stats({ signal }));
    if (!stats) return;
    const screen = `${stdout.isTty ? START_OVER : ""}${text(context, stats)}`;
    await stdout.write(json ? jsonLine(stats) : screen);
    await setTimeout(pauseMs, undefined, { signal }).catch(() => {}); // the end of the wait is the end of the loop
  }
}

/** What is watched ends by being interrupted: that is no failure. */
async function untilInterrupted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function text({ stdout }: CliContext, stats: VmStats): string {
  const { uptimeMs, cpu, memory, disk, processes, load, oomKills, io, network, vmm } = stats;
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
    ...(vmm?.reclaimed?.targetMib
      ? [["given up", `${vmm.reclaimed.actualMib} of ${vmm.reclaimed.targetMib} MiB`]]
      : []),
    ...(vmm?.disk.throttled ? [["disk held up", `${vmm.disk.throttled} times by its limits`]] : []),
    ["processes", `${processes}`],
    ["oom kills", `${oomKills}`],
  ];
  return table(stdout, ["WHAT", "NOW"], rows);
}
