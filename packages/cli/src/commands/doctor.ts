import { Command } from "@commander-js/extra-typings";
import { doctor } from "bandsox";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";
import { EXIT, ExitWith } from "../exit-codes.ts";

/** `bandsox doctor`: whether VMs can run here, and what to do when not. */
export function doctorCommand(context: CliContext) {
  return new Command("doctor")
    .description("check what VMs need from this machine; ends with 1 if they cannot run")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .action(async ({ json, storage }) => {
      const report = await doctor({ storageDir: storage, signal: context.signal });
      await context.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : text(report));
      if (!report.canRunVms) throw new ExitWith(EXIT.unhealthy);
    });
}

const MARKS = { required: "FAIL", advised: "note" } as const;

type Report = Awaited<ReturnType<typeof doctor>>;

function text({ checks, canRunVms }: Report): string {
  const width = Math.max(...checks.map(({ id }) => id.length));
  const lines = checks.map(({ id, ok, level, found, remedy }) => {
    const mark = ok ? "ok  " : MARKS[level];
    return `${mark}  ${id.padEnd(width)}  ${found}${ok ? "" : `; ${remedy}`}\n`;
  });
  return `${lines.join("")}${canRunVms ? "VMs can run on this machine" : "VMs cannot run on this machine"}\n`;
}
