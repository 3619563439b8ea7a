import { storeCommand } from "../../args/common-options.ts";
import { confirm, withConfirmation } from "../../args/confirmation.ts";
import type { CliContext } from "../../context.ts";
import { bytes } from "../../print/bytes.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox image prune`. */
export function imagePruneCommand(context: CliContext) {
  return withConfirmation(storeCommand("prune"))
    .description(
      "remove images without a name, and what interrupted work left; never what a VM was made from",
    )
    .option("-a, --all", "every image that no VM was made from")
    .addHelpText("after", "\nExamples:\n  bandsox image prune\n  bandsox image prune --all --yes")
    .action(async ({ all, ...options }) => {
      const what = "remove every image that no VM was made from";
      if (all) await confirm(context, { ...options, what, isSpeltOut: false });
      await using bandsox = await context.openBandSox(options);
      const removed = await bandsox.images.prune({ all, signal: context.signal });
      const text = removed.digests.map((digest) => `${digest}\n`).join("");
      await tell(context, options, { json: removed, text, ids: removed.digests });
      if (!options.json && !options.quiet) await context.stderr.write(`${bytes(removed.freedBytes)} freed\n`);
    });
}
