import type { ImageInfo } from "bandsox";
import { fetchingCommand, toFetchOptions } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";
import { imageProgress } from "../../print/image-progress.ts";

/** `bandsox image pull`. */
export function imagePullCommand(context: CliContext) {
  return fetchingCommand("pull")
    .description("fetch images, also those the store has: a moved tag is followed")
    .argument("<image...>", "images, as for `create`")
    .action(async (images, options) => {
      await using bandsox = context.openBandSox(options);
      for (const image of images) {
        const progress = imageProgress(context.stderr, image);
        const fetchOptions = toFetchOptions(options);
        const info = await bandsox.images
          .pull(image, { ...fetchOptions, signal: context.signal, onEvent: progress.onEvent })
          .finally(progress.clear);
        await context.stdout.write(options.quiet ? `${info.digest}\n` : stored(image, info));
      }
    });
}

/** What a name stands for now, in one line. */
export function stored(name: string, { digest, sizeBytes }: ImageInfo): string {
  return `${name} is ${shortDigest(digest)}, ${bytes(sizeBytes)}\n`;
}
