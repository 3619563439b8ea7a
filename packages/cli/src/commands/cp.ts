import { BandSoxError } from "@bandsox/contract";
import { storeCommand } from "../args/common-options.ts";
import { type Location, parseLocation } from "../args/location.ts";
import type { CliContext } from "../context.ts";
import { fileProgress } from "../print/file-progress.ts";
import { oneLine } from "../print/one-line.ts";
import { progressOutput } from "../print/progress-output.ts";
import { jsonText } from "../print/tell.ts";
import { type CopyOptions, fromGuest, toGuest } from "./copy-files.ts";

const EXAMPLES = `
Examples:
  bandsox cp app.tar my-vm:/srv/            a file into a directory
  bandsox cp ./src my-vm:/srv/app           a directory as /srv/app, or below it where it exists
  bandsox cp ./src/. my-vm:/srv/app         what is in a directory
  bandsox cp my-vm:/var/log ./logs          a directory to this machine
  tar c . | bandsox cp - my-vm:/srv         a tar on stdin
  bandsox cp my-vm:/srv - | tar t           a tar on stdout`;

/** `bandsox cp`: files and directories between this machine and a VM. */
export function cpCommand(context: CliContext) {
  return storeCommand("cp")
    .description("copy files and directories between this machine and a VM")
    .argument("<source>", "path, vm:path, or - for a tar on stdin", parseLocation)
    .argument("<destination>", "path, vm:path, or - for a tar on stdout", parseLocation)
    .option("-a, --archive", "keep the owners of what is copied into a VM; otherwise it is root's")
    .option("--include <glob>", "of a directory copy only what matches; repeatable", collect)
    .option("--exclude <glob>", "of a directory leave out what matches; repeatable", collect)
    .addHelpText("after", EXAMPLES)
    .action(async (source, destination, options) => {
      await using bandsox = await context.openBandSox(options);
      const progress = fileProgress(progressOutput(context, options), "copying");
      const copy: CopyOptions = {
        include: options.include,
        exclude: options.exclude,
        keepOwner: options.archive,
        onProgress: progress.onProgress,
        signal: context.signal,
      };
      const [from, to] = direction(source, destination);
      try {
        const guest = from.kind === "guest" ? from : (to as GuestLocation);
        const { files } = await bandsox.getVm(guest.vm);
        const skipped =
          from.kind === "guest"
            ? await fromGuest(context, files, { from, to: to as Exclude<Location, GuestLocation> }, copy)
            : await toGuest(context, files, { from, to: to as GuestLocation }, copy);
        await progress.clear();
        if (options.json) await context.stdout.write(jsonText({ skipped }));
        else
          for (const { path, reason } of skipped)
            await context.stderr.write(`left out: ${oneLine(path)}: ${reason}\n`);
      } finally {
        await progress.clear();
      }
    });
}

type GuestLocation = Location & { kind: "guest" };

/** Exactly one side is a VM. */
function direction(from: Location, to: Location): [Location, Location] {
  if ((from.kind === "guest") !== (to.kind === "guest")) return [from, to];
  const message =
    "cannot copy: one of source and destination is in a VM, the other is not; write it as vm:path";
  throw new BandSoxError("invalid_argument", message, { field: "destination", found: to });
}

function collect(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), text];
}
