import { Command } from "@commander-js/extra-typings";
import { argument } from "../../args/argument.ts";
import { metadataOption } from "../../args/metadata.ts";
import { STORAGE_OPTION } from "../../args/storage-option.ts";
import { parseWholeNumber } from "../../args/values.ts";
import type { CliContext } from "../../context.ts";
import { columns } from "../../print/columns.ts";
import { age } from "../../print/time.ts";

/** `bandsox vm list`. */
export function vmListCommand(context: CliContext) {
  return new Command("list")
    .alias("ls")
    .description("list VMs, the newest first")
    .option("--json", "print JSON")
    .option("-q, --quiet", "print only the ids")
    .option("-n, --limit <count>", "at most so many, the newest", argument(parseWholeNumber))
    .option("--metadata <json>", "only VMs whose metadata has what this JSON object has", metadataOption)
    .option(...STORAGE_OPTION)
    .action(async (options) => {
      await using bandsox = context.openBandSox(options);
      const { limit, metadata } = options;
      const filter = { ...(limit === undefined ? {} : { limit }), ...(metadata ? { metadata } : {}) };
      const vms = await bandsox.listVms({ ...filter, signal: context.signal });
      if (options.json) return context.stdout.write(`${JSON.stringify(vms, undefined, 2)}\n`);
      if (options.quiet) return context.stdout.write(vms.map(({ id }) => `${id}\n`).join(""));
      const rows = vms.map((vm) => [vm.id, vm.name, vm.state, vm.image, age(vm.createdAt, new Date())]);
      await context.stdout.write(columns(["ID", "NAME", "STATE", "IMAGE", "AGE"], rows));
      for (const vm of vms) if (vm.failure) await context.stderr.write(`${vm.id} failed: ${vm.failure}\n`);
    });
}
