import { addLimitOptions, toNewLimits } from "../args/limit-options.ts";
import { toSpec, withVmOptions } from "../args/vm-options.ts";
import type { CliContext } from "../context.ts";
import { progressOutput } from "../print/progress-output.ts";
import { tell } from "../print/tell.ts";
import { createWithProgress } from "./create-with-progress.ts";

/** `bandsox create`: a VM that stays. */
export function createCommand(context: CliContext) {
  return addLimitOptions(withVmOptions("create"))
    .description("make a VM from an image and leave it running")
    .argument("<image>", "image, e.g. python:3-alpine, oci:./layout, docker-archive:image.tar, dir:./root")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox create ubuntu:latest --name my-vm\n  id=$(bandsox create -q alpine)",
    )
    .action(async (image, options) => {
      await using bandsox = await context.openBandSox(options);
      const vm = await createWithProgress(bandsox, {
        ...toSpec(options),
        ...toNewLimits(options),
        ...{
          image,
          signal: context.signal,
          progress: progressOutput(context, options),
          keepsWaterfall: true,
        },
      });
      const json = options.json && (await vm.info());
      await tell(context, options, { json, text: `VM created: ${vm.id}\n`, ids: [vm.id] });
    });
}
