import type { ImageInfo } from "bandsox";
import { fetchingCommand, toFetchOptions } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";
import { imageProgress } from "../../print/image-progress.ts";
import { progressOutput } from "../../print/progress-output.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox image pull`. */
export function imagePullCommand(context: CliContext) {
  return fetchingCommand("pull")
    .description("fetch images, also those the store has: a moved tag is followed")
    .argument("<image...>", "images, as for `create`")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox image pull python:3-alpine\n  bandsox image pull --plain-http localhost:5000 localhost:5000/app",
    )
    .action(async (images, options) => {
      await using bandsox = await context.openBandSox(options);
      const pulled: ImageInfo[] = [];
      for (const image of images) {
        const progress = imageProgress(progressOutput(context, options), image);
        const fetchOptions = toFetchOptions(options);
        const info = await bandsox.images
          .pull(image, { ...fetchOptions, signal: context.signal, onEvent: progress.onEvent })
          .finally(progress.clear);
        pulled.push(info);
        if (!options.json)
          await tell(context, options, { json: info, text: stored(image, info), ids: [info.digest] });
      }
      if (options.json) await tell(context, options, { json: pulled, text: "" });
    });
}

/** What a name stands for now, in one line. */
export function stored(name: string, { digest, sizeBytes }: ImageInfo): string {
  return `${name} is ${shortDigest(digest)}, ${bytes(sizeBytes)}\n`;
}
