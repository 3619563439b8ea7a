import { imageStoreCommand } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";

/** `bandsox image inspect`. */
export function imageInspectCommand(context: CliContext) {
  return imageStoreCommand("inspect")
    .description("print everything known of images as JSON")
    .argument("<image...>", "names, digests, or starts of digests")
    .action(async (images, options) => {
      await using bandsox = context.openBandSox(options);
      const details = [];
      for (const image of images) details.push(await bandsox.images.inspect(image));
      await context.stdout.write(`${JSON.stringify(details, undefined, 2)}\n`);
    });
}
