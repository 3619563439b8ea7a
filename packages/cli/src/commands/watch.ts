import type { FileEvent } from "bandsox";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseGuestLocation } from "../args/location.ts";
import type { CliContext } from "../context.ts";
import { oneLine } from "../print/one-line.ts";
import { jsonLine } from "../print/tell.ts";

const TYPE_WIDTH = "attributes".length;

/** `bandsox watch`: what changes below a path of a VM. */
export function watchCommand(context: CliContext) {
  return storeCommand("watch")
    .description("tell what changes in a directory of a VM, until interrupted")
    .argument("<vm:path>", "VM and path, e.g. my-vm:/srv", argument(parseGuestLocation))
    .option("-r, --recursive", "tell of everything below it, too")
    .option("--exclude <glob>", "do not tell of what matches; repeatable", collect)
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox watch my-vm:/srv\n  bandsox watch -r --exclude '**/*.tmp' --json my-vm:/srv",
    )
    .action(async ({ vm: reference, path }, { recursive, exclude, ...options }) => {
      await using bandsox = await context.openBandSox(options);
      const { signal, stdout, stderr } = context;
      const { files } = await bandsox.getVm(reference);
      const watch = await files.watch(path, { recursive, exclude, signal });
      if (!options.quiet && !options.json) await stderr.write(`watching ${oneLine(path)}\n`);
      try {
        for await (const event of watch) await stdout.write(options.json ? jsonLine(event) : line(event));
      } catch (error) {
        if (!signal.aborted) throw error; // a watch ends by being interrupted
      }
    });
}

function line({ type, path = "", from, directory }: FileEvent): string {
  const name = `${oneLine(path)}${directory ? "/" : ""}`;
  return `${type.padEnd(TYPE_WIDTH)}  ${from === undefined ? "" : `${oneLine(from)} -> `}${name}\n`;
}

function collect(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), text];
}
