import { storeCommand } from "../../args/common-options.ts";
import { confirm, withConfirmation } from "../../args/confirmation.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";
import { forEach } from "../for-each.ts";

/** `bandsox image remove`. */
export function imageRemoveCommand(context: CliContext) {
  return withConfirmation(storeCommand("remove"))
    .alias("rm")
    .description("remove names, and with its last name the image")
    .argument("<image...>", "names, digests, or starts of digests")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox image remove my-app:1\n  bandsox image rm --yes $(bandsox image list -q)",
    )
    .action(async (images, options) => {
      const what = `remove ${images.length} images: ${images.join(", ")}`;
      if (images.length > 1) await confirm(context, { ...options, what, isSpeltOut: true });
      await using bandsox = await context.openBandSox(options);
      const isSilent = options.json || options.quiet;
      await forEach(context, { ...options, references: images }, async (image) => {
        const removed = await bandsox.images.remove(image, { signal: context.signal });
        for (const digest of isSilent ? [] : removed.digests)
          await context.stderr.write(`removed ${shortDigest(digest)}, ${bytes(removed.freedBytes)} freed\n`);
        return { id: removed.references.join("\n") || removed.digests.join("\n"), json: () => removed };
      });
    });
}
