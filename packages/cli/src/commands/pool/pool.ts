import { Command } from "@commander-js/extra-typings";
import type { PoolInfo } from "bandsox";
import { argument } from "../../args/argument.ts";
import { storeCommand } from "../../args/common-options.ts";
import { parsePoolShape } from "../../args/pool-shape.ts";
import { parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { table } from "../../print/table.ts";
import { tell } from "../../print/tell.ts";
import { duration } from "../../print/time.ts";

/** `bandsox pool`. */
export function poolCommand(context: CliContext): Command {
  const pool = new Command("pool").description("keep VMs ready, so that creating one is taking one");
  const commands = [
    poolSetCommand(context),
    poolListCommand(context),
    poolFillCommand(context),
    poolRemoveCommand(context),
  ];
  for (const command of commands) pool.addCommand(command as Command);
  return pool;
}

function poolSetCommand(context: CliContext) {
  return storeCommand("set")
    .description("make a pool, or give it another size, fill it, and print its id")
    .requiredOption(
      "--shape <shape>",
      "what its VMs are: image[,vcpu=1][,mem=256][,disk=4096]",
      argument(parsePoolShape),
    )
    .requiredOption("--size <count>", "how many VMs are kept ready", argument(parseWholeNumber))
    .addHelpText("after", "\nExamples:\n  bandsox pool set --shape python:3-alpine,mem=512 --size 4")
    .action(async ({ shape, size, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const info = await bandsox.pools.set({ ...shape, size }, { signal: context.signal });
      await tell(context, options, { json: info, text: `${info.id}\n`, ids: [info.id] });
    });
}

function poolListCommand(context: CliContext) {
  return storeCommand("list")
    .alias("ls")
    .description("list pools, with how often a VM was ready and how long making one takes")
    .addHelpText("after", "\nExamples:\n  bandsox pool list")
    .action(async (options) => {
      await using bandsox = await context.openBandSox(options);
      const pools = await bandsox.pools.list();
      await tell(context, options, {
        json: pools,
        text: () => table(context.stdout, HEADINGS, pools.map(row)),
        ids: pools.map(({ id }) => id),
      });
    });
}

const HEADINGS = ["ID", "IMAGE", "VCPU", "MEMORY", "READY", "HITS", "MISSES", "REFILL"];

function row({ id, image, vcpu, memMib, ready, size, hits, misses, refills, refillMs }: PoolInfo): string[] {
  const mean = refills === 0 ? "" : duration(refillMs);
  return [id, image, `${vcpu}`, `${memMib} MiB`, `${ready}/${size}`, `${hits}`, `${misses}`, mean];
}

function poolFillCommand(context: CliContext) {
  return storeCommand("fill")
    .description("make the VMs that pools lack")
    .argument("[pool]", "id, or image if there is one pool of it (default: all pools)")
    .addHelpText("after", "\nExamples:\n  bandsox pool fill")
    .action(async (reference, options) => {
      await using bandsox = await context.openBandSox(options);
      const pools = await bandsox.pools.fill(reference, { signal: context.signal });
      await tell(context, options, { json: pools, text: "", ids: pools.map(({ id }) => id) });
    });
}

function poolRemoveCommand(context: CliContext) {
  return storeCommand("remove")
    .alias("rm")
    .description("remove a pool and the VMs it keeps; those that were taken from it run on")
    .argument("<pool>", "id, or image if there is one pool of it")
    .addHelpText("after", "\nExamples:\n  bandsox pool remove python:3-alpine")
    .action(async (reference, options) => {
      await using bandsox = await context.openBandSox(options);
      await bandsox.pools.remove(reference, { signal: context.signal });
      await tell(context, options, {
        json: { removed: reference },
        text: `${reference}\n`,
        ids: [reference],
      });
    });
}
