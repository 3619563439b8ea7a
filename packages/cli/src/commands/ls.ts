import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseGuestLocation } from "../args/location.ts";
import type { CliContext } from "../context.ts";
import { fileListing } from "../print/file-listing.ts";
import { oneLine } from "../print/one-line.ts";
import { tell } from "../print/tell.ts";

/** `bandsox ls`: what is in a directory of a VM. */
export function lsCommand(context: CliContext) {
  return storeCommand("ls")
    .description("list a directory in a VM, or one file")
    .argument("<vm:path>", "VM and path, e.g. my-vm:/etc", argument(parseGuestLocation))
    .option("-l, --long", "show type, mode, owner, size and time (UTC), too")
    .addHelpText("after", "\nExamples:\n  bandsox ls my-vm:/etc\n  bandsox ls -l my-vm:/root")
    .action(async ({ vm: reference, path }, options) => {
      await using bandsox = await context.openBandSox(options);
      const { files } = await bandsox.getVm(reference);
      const { signal } = context;
      const entry = await files.stat(path, { signal });
      const entries = entry.type === "directory" ? await files.list(path, { signal }) : [entry];
      const text = () => fileListing(entries, options.long === true);
      await tell(context, options, { json: entries, text, ids: entries.map(({ name }) => oneLine(name)) });
    });
}
