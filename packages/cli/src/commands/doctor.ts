import type { DoctorReport } from "bandsox";
import { localCommand } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { EXIT, ExitWith } from "../exit-codes.ts";
import type { Output } from "../output.ts";
import { paint } from "../print/paint.ts";
import { tell } from "../print/tell.ts";

/** `bandsox doctor`: whether VMs can run here, and what to do when not. */
export function doctorCommand(context: CliContext) {
  return localCommand("doctor")
    .description("check what VMs need from this machine; ends with 1 if they cannot run")
    .addHelpText("after", "\nExamples:\n  bandsox doctor\n  bandsox doctor -q && bandsox run alpine uname -a")
    .action(async ({ storage, ...options }) => {
      const { doctor } = await import("bandsox");
      const report = await doctor({ storageDir: storage, signal: context.signal });
      await tell(context, options, { json: report, text: () => text(context.stdout, report) });
      if (!report.canRunVms) throw new ExitWith(EXIT.unhealthy);
    });
}

const MARKS = {
  required: { mark: "FAIL", style: "red" },
  advised: { mark: "note", style: "yellow" },
} as const;

function text(output: Output, { checks, canRunVms }: DoctorReport): string {
  const width = Math.max(...checks.map(({ id }) => id.length));
  const lines = checks.map(({ id, ok, level, found, remedy }) => {
    const { mark, style } = ok ? { mark: "ok  ", style: "green" as const } : MARKS[level];
    return `${paint(output, style, mark)}  ${id.padEnd(width)}  ${found}${ok ? "" : `; ${remedy}`}\n`;
  });
  return `${lines.join("")}${canRunVms ? "VMs can run on this machine" : "VMs cannot run on this machine"}\n`;
}
