import { imageStoreCommand } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes } from "../../print/bytes.ts";
import { columns } from "../../print/columns.ts";

/** `bandsox image history`. */
export function imageHistoryCommand(context: CliContext) {
  return imageStoreCommand("history")
    .description("show how an image was built, the first step first")
    .argument("<image>", "name, digest, or start of a digest")
    .option("--json", "print JSON")
    .action(async (image, options) => {
      await using bandsox = context.openBandSox(options);
      const steps = await bandsox.images.history(image);
      if (options.json) return context.stdout.write(`${JSON.stringify(steps, undefined, 2)}\n`);
      const rows = steps.map((step) => [
        step.builtAt ?? "",
        bytes(step.sizeBytes),
        oneLine(step.createdBy || step.comment),
      ]);
      await context.stdout.write(columns(["BUILT", "SIZE", "BY"], rows));
    });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
