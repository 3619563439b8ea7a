import { isAnyBandSoxError } from "@bandsox/contract";
import { imageStoreCommand } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";
import { EXIT, ExitWith } from "../../exit-codes.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";

/** `bandsox image remove`. */
export function imageRemoveCommand(context: CliContext) {
  return imageStoreCommand("remove")
    .alias("rm")
    .description("remove names, and with its last name the image")
    .argument("<image...>", "names, digests, or starts of digests")
    .action(async (images, options) => {
      await using bandsox = context.openBandSox(options);
      let failed = false;
      for (const image of images) {
        try {
          const { references, digests, freedBytes } = await bandsox.images.remove(image, {
            signal: context.signal,
          });
          for (const reference of references) await context.stdout.write(`${reference}\n`);
          for (const digest of digests)
            await context.stderr.write(`removed ${shortDigest(digest)}, ${bytes(freedBytes)} freed\n`);
        } catch (error) {
          if (!isAnyBandSoxError(error) || context.signal.aborted) throw error;
          failed = true;
          await context.stderr.write(`bandsox: ${error.message}\nhint: ${error.hint}\n`);
        }
      }
      if (failed) throw new ExitWith(EXIT.failed);
    });
}
