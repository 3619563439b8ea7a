import type { ImageDetails } from "bandsox";
import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox image inspect`. */
export function imageInspectCommand(context: CliContext) {
  return storeCommand("inspect")
    .description("print everything known of images as JSON")
    .argument("<image...>", "names, digests, or starts of digests")
    .addHelpText("after", "\nExamples:\n  bandsox image inspect alpine | jq '.[0].config.env'")
    .action(async (images, options) => {
      await using bandsox = await context.openBandSox(options);
      const details: ImageDetails[] = [];
      for (const image of images) details.push(await bandsox.images.inspect(image));
      const text = `${JSON.stringify(details, undefined, 2)}\n`;
      await tell(context, options, { json: details, text, ids: details.map(({ digest }) => digest) });
    });
}
