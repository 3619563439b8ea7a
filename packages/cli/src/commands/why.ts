import type { VmEnd } from "bandsox";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseWholeNumber } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { bytes } from "../print/bytes.ts";
import { oneLine } from "../print/one-line.ts";
import { tell } from "../print/tell.ts";

/** `bandsox why`, also `bandsox vm why`: how a VM ended. */
export function whyCommand(context: CliContext, parent = "") {
  return storeCommand("why")
    .description("say why a VM ended, what tells so, and what to do about it; the VM may be gone")
    .argument("<vm>", "id or name")
    .option("--lines <count>", "lines of the console to show (default: 20)", argument(parseWholeNumber))
    .addHelpText(
      "after",
      `\nExamples:\n  bandsox ${parent}why my-vm\n  bandsox ${parent}why --json my-vm | jq -r .cause`,
    )
    .action(async (reference, { lines = 20, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const end = await bandsox.why(reference);
      const text = () => (end ? told(end, lines) : `${oneLine(reference)} has not ended\n`);
      await tell(context, options, { json: end ?? null, text, ids: end ? [end.vmId] : [] });
    });
}

function told({ vmId, vmName, at, cause, summary, advice, evidence }: VmEnd, lines: number): string {
  const { exitCode, signal, vmmLog, oom, stats, processes = [], console } = evidence;
  const facts: [string, string | undefined][] = [
    ["vm", vmName === vmId ? vmId : `${vmId} ${vmName}`],
    ["ended", at],
    ["cause", cause],
    ["what", summary],
    ["do", advice],
    ["vmm", signal ?? (exitCode === undefined ? undefined : `exit code ${exitCode}`)],
    ["vmm log", vmmLog],
    ["oom", oom],
    [
      "memory",
      stats && `${bytes(stats.memory.availableBytes)} of ${bytes(stats.memory.totalBytes)} available`,
    ],
    ...processes.map(({ pid, name, rssBytes }): [string, string] => [
      "process",
      `${pid} ${name} ${bytes(rssBytes)}`,
    ]),
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const shown = known.map(([name, value]) => `${name.padEnd(9)}${oneLine(value)}\n`).join("");
  const tail = console.split("\n").slice(-lines).map(oneLine);
  return console === "" || lines < 1
    ? shown
    : `${shown}console\n${tail.map((line) => `  ${line}\n`).join("")}`;
}
