import { Command } from "@commander-js/extra-typings";
import { argument } from "../args/argument.ts";
import { parseGuestLocation } from "../args/location.ts";
import { STORAGE_OPTION } from "../args/storage-option.ts";
import type { CliContext } from "../context.ts";

const guestLocation = argument(parseGuestLocation);

/** `bandsox cat`: the bytes of files in VMs. */
export function catCommand(context: CliContext) {
  return new Command("cat")
    .description("print files of a VM, as they are")
    .argument(
      "<vm:path...>",
      "VM and path, e.g. my-vm:/etc/hosts",
      (text, previous: ReturnType<typeof parseGuestLocation>[] | undefined) => [
        ...(previous ?? []),
        guestLocation(text),
      ],
    )
    .option(...STORAGE_OPTION)
    .addHelpText("after", "\nExample:\n  bandsox cat my-vm:/var/log/app.log | less")
    .action(async (locations, options) => {
      await using bandsox = context.openBandSox(options);
      for (const { vm: reference, path } of locations ?? []) {
        const { files } = await bandsox.getVm(reference);
        for await (const data of files.readStream(path, { signal: context.signal }))
          await context.stdout.write(data);
      }
    });
}
