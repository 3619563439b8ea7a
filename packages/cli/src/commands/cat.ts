import { isUtf8 } from "node:buffer";
import { argument } from "../args/argument.ts";
import { storeCommand } from "../args/common-options.ts";
import { parseGuestLocation } from "../args/location.ts";
import type { CliContext } from "../context.ts";
import { jsonText } from "../print/tell.ts";

const guestLocation = argument(parseGuestLocation);

/** `bandsox cat`: the bytes of files in VMs. */
export function catCommand(context: CliContext) {
  return storeCommand("cat")
    .description("print files of a VM, as they are")
    .argument(
      "<vm:path...>",
      "VM and path, e.g. my-vm:/etc/hosts",
      (text, previous: ReturnType<typeof parseGuestLocation>[] | undefined) => [
        ...(previous ?? []),
        guestLocation(text),
      ],
    )
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox cat my-vm:/etc/hosts\n  bandsox cat my-vm:/var/log/app.log | less",
    )
    .action(async (locations, options) => {
      await using bandsox = await context.openBandSox(options);
      const read: ReturnType<typeof asJson>[] = [];
      for (const { vm: reference, path } of locations ?? []) {
        const { files } = await bandsox.getVm(reference);
        if (options.json) {
          read.push(asJson(path, await files.read(path, { signal: context.signal })));
          continue;
        }
        for await (const data of files.readStream(path, { signal: context.signal }))
          await context.stdout.write(data);
      }
      if (options.json) await context.stdout.write(jsonText(read));
    });
}

/** A file as JSON can hold it: as text where it is text. */
function asJson(path: string, content: Buffer) {
  const encoding = isUtf8(content) ? "utf8" : "base64";
  return { path, sizeBytes: content.length, encoding, content: content.toString(encoding) } as const;
}
