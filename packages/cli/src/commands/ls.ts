import { Command } from "@commander-js/extra-typings";
import { argument } from "../args/argument.ts";
import { parseGuestLocation } from "../args/location.ts";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";
import { fileListing } from "../print/file-listing.ts";

/** `bandsox ls`: what is in a directory of a VM. */
export function lsCommand(context: CliContext) {
  return new Command("ls")
    .description("list a directory in a VM, or one file")
    .argument("<vm:path>", "VM and path, e.g. my-vm:/etc", argument(parseGuestLocation))
    .option("-l, --long", "show type, mode, owner, size and time (UTC), too")
    .option("--json", "print JSON")
    .option(...STORAGE_OPTION)
    .addHelpText("after", "\nExamples:\n  bandsox ls my-vm:/etc\n  bandsox ls -l my-vm:/root")
    .action(async ({ vm: reference, path }, options) => {
      await using bandsox = context.openBandSox(options);
      const { files } = await bandsox.getVm(reference);
      const { signal } = context;
      const entry = await files.stat(path, { signal });
      const entries = entry.type === "directory" ? await files.list(path, { signal }) : [entry];
      const text = options.json
        ? `${JSON.stringify(entries, undefined, 2)}\n`
        : fileListing(entries, options.long === true);
      await context.stdout.write(text);
    });
}
