import type { VmInfo } from "bandsox";
import { argument } from "../../args/argument.ts";
import { storeCommand } from "../../args/common-options.ts";
import { metadataOption } from "../../args/metadata.ts";
import { parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { oneLine } from "../../print/one-line.ts";
import { stateStyle } from "../../print/paint.ts";
import { table } from "../../print/table.ts";
import { tell } from "../../print/tell.ts";
import { age } from "../../print/time.ts";

/** `bandsox vm list`. */
export function vmListCommand(context: CliContext) {
  return storeCommand("list")
    .alias("ls")
    .description("list VMs, the newest first")
    .option("-n, --limit <count>", "at most so many, the newest", argument(parseWholeNumber))
    .option("--metadata <json>", "only VMs whose metadata has what this JSON object has", metadataOption)
    .addHelpText("after", "\nExamples:\n  bandsox vm list\n  bandsox vm stop $(bandsox vm list -q)")
    .action(async ({ limit, metadata, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const filter = { ...(limit === undefined ? {} : { limit }), ...(metadata ? { metadata } : {}) };
      const vms = await bandsox.listVms({ ...filter, signal: context.signal });
      await tell(context, options, {
        json: vms,
        text: () => table(context.stdout, ["ID", "NAME", "STATE", "IMAGE", "AGE"], vms.map(row)),
        ids: vms.map(({ id }) => id),
      });
      if (options.json || options.quiet) return;
      for (const { id, failure } of vms)
        if (failure) await context.stderr.write(`${id} failed: ${oneLine(failure)}\n`);
    });
}

function row({ id, name, state, image, createdAt }: VmInfo) {
  return [id, name, { text: state, style: stateStyle(state) }, image, age(createdAt, new Date())];
}
