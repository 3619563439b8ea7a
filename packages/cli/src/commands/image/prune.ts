import { imageStoreCommand } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes } from "../../print/bytes.ts";

/** `bandsox image prune`. */
export function imagePruneCommand(context: CliContext) {
  return imageStoreCommand("prune")
    .description(
      "remove images without a name, and what interrupted work left; never what a VM was made from",
    )
    .option("-a, --all", "every image that no VM was made from")
    .action(async (options) => {
      await using bandsox = context.openBandSox(options);
      const removed = await bandsox.images.prune({ all: options.all, signal: context.signal });
      for (const digest of removed.digests) await context.stdout.write(`${digest}\n`);
      await context.stderr.write(`${bytes(removed.freedBytes)} freed\n`);
    });
}
