import type { ImageInfo } from "bandsox";
import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";
import { table } from "../../print/table.ts";
import { tell } from "../../print/tell.ts";
import { age } from "../../print/time.ts";

const HEADINGS = ["IMAGE", "DIGEST", "PLATFORM", "SIZE", "SHARED", "DISK", "VMS", "AGE"];

/** `bandsox image list`. */
export function imageListCommand(context: CliContext) {
  return storeCommand("list")
    .alias("ls")
    .description("list images, the newest first; what they share is counted once in the sum")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox image list\n  bandsox image list --json | jq '.[].references'",
    )
    .action(async (options) => {
      await using bandsox = await context.openBandSox(options);
      const images = await bandsox.images.list();
      await tell(context, options, {
        json: images,
        text: () => table(context.stdout, HEADINGS, images.map(row)),
        ids: images.map(({ digest }) => digest),
      });
      if (options.json || options.quiet) return;
      const { blobBytes, diskBytes } = await bandsox.images.usage();
      const sums = `${bytes(blobBytes)} of layers and ${bytes(diskBytes)} of base disks on disk\n`;
      await context.stderr.write(sums);
    });
}

function row(image: ImageInfo): string[] {
  return [
    image.references.join(", ") || "(no name)",
    shortDigest(image.digest),
    image.platform ?? "disk",
    bytes(image.sizeBytes),
    bytes(image.sharedBytes),
    bytes(image.diskBytes),
    `${image.usedBy.length}`,
    age(image.createdAt, new Date()),
  ];
}
