import { setTimeout } from "node:timers/promises";
import type { BandSox } from "bandsox";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseDurationMs } from "../args/values.ts";
import type { CliContext } from "../context.ts";
import { jsonText } from "../print/tell.ts";
import { LiveScreen } from "../top/live-screen.ts";
import { sampleVms } from "../top/sample-vms.ts";
import { ordered, type Sample, topRows } from "../top/top-rows.ts";
import { topScreen } from "../top/top-screen.ts";
import { FIRST_VIEW, typed } from "../top/top-view.ts";

const INTERVAL_MS = 2000;
const SHORTEST_INTERVAL_MS = 100;

/** `bandsox top`. */
export function topCommand(context: CliContext) {
  return storeCommand("top")
    .description("show how all VMs are doing, live; once, where there is no terminal")
    .option("--interval <duration>", "time between two looks (default: 2s)", argument(parseDurationMs))
    .addHelpText("after", "\nExamples:\n  bandsox top\n  bandsox top --json | jq '.[] | {name, cpuPercent}'")
    .action(async ({ interval = INTERVAL_MS, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const isLive = context.stdin.isTty && context.stdout.isTty && !options.json && !options.quiet;
      if (isLive) return await live(context, bandsox, Math.max(interval, SHORTEST_INTERVAL_MS)); // before the storage is closed
      const samples = await sampleVms(bandsox, context.signal);
      const rows = ordered(topRows(samples, { earlier: [], now: new Date() }), FIRST_VIEW);
      if (options.json) return context.stdout.write(jsonText(rows));
      if (options.quiet) return context.stdout.write(rows.map(({ id }) => `${id}\n`).join(""));
      const size = { cols: Number.MAX_SAFE_INTEGER, rows: rows.length + FRAME_ROWS };
      const screen = topScreen(rows, { view: FIRST_VIEW, size, hasColors: false, now: new Date() });
      await context.stdout.write(`${screen.slice(0, -1).join("\n").trimEnd()}\n`);
    });
}

const FRAME_ROWS = 4;

async function live(context: CliContext, bandsox: BandSox, intervalMs: number): Promise<void> {
  let view = FIRST_VIEW;
  let [earlier, samples]: [Sample[], Sample[]] = [[], []];
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const { hasColors } = context.stdout;
  using screen = new LiveScreen(context, {
    draw: (size) => {
      const now = new Date();
      return topScreen(topRows(samples, { earlier, now }), { view, size, hasColors, now });
    },
    onKeys: (keys) => {
      view = typed(view, keys);
      if (view.isOver) over.abort();
    },
  });
  try {
    while (!signal.aborted) {
      if (!view.isStill) [earlier, samples] = [samples, await sampleVms(bandsox, signal)];
      await screen.show();
      await setTimeout(intervalMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error; // leaving it is how it ends
  }
}
