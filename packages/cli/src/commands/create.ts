import { addLimitOptions, toNewLimits } from "../args/limit-options.ts";
import { toSpec, withVmOptions } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { createWithProgress, withoutProgress } from "./run.ts";

/** `bandsox create`: a VM that stays. */
export function createCommand(context: CliContext) {
  return addLimitOptions(withVmOptions("create"))
    .description("make a VM from an image and leave it running")
    .argument("<image>", "image, e.g. python:3-alpine, oci:./layout, docker-archive:image.tar, dir:./root")
    .option("-q, --quiet", "print only the id")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox create ubuntu:latest --name my-vm\n  id=$(bandsox create -q alpine)",
    )
    .action(async (image, options) => {
      await using bandsox = context.openBandSox(options);
      const vm = await createWithProgress(
        options.quiet ? withoutProgress(context) : context,
        bandsox,
        image,
        { ...toSpec(options), ...toNewLimits(options) },
      );
      await context.stdout.write(options.quiet ? `${vm.id}\n` : `VM created: ${vm.id}\n`);
    });
}
