import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes } from "../../print/bytes.ts";
import { table } from "../../print/table.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox image history`. */
export function imageHistoryCommand(context: CliContext) {
  return storeCommand("history")
    .description("show how an image was built, the first step first")
    .argument("<image>", "name, digest, or start of a digest")
    .addHelpText("after", "\nExamples:\n  bandsox image history python:3-alpine")
    .action(async (image, options) => {
      await using bandsox = await context.openBandSox(options);
      const steps = await bandsox.images.history(image);
      const rows = steps.map(({ builtAt, sizeBytes, createdBy, comment }) => [
        builtAt ?? "",
        bytes(sizeBytes),
        (createdBy || comment).replace(/\s+/g, " ").trim(),
      ]);
      const text = () => table(context.stdout, ["BUILT", "SIZE", "BY"], rows);
      await tell(context, options, { json: steps, text });
    });
}
