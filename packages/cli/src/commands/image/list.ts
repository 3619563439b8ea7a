import { imageStoreCommand } from "../../args/image-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";
import { columns } from "../../print/columns.ts";
import { age } from "../../print/time.ts";

/** `bandsox image list`. */
export function imageListCommand(context: CliContext) {
  return imageStoreCommand("list")
    .alias("ls")
    .description("list images, the newest first; what they share is counted once in the sum")
    .option("--json", "print JSON")
    .option("-q, --quiet", "print only the digests")
    .action(async (options) => {
      await using bandsox = context.openBandSox(options);
      const images = await bandsox.images.list();
      if (options.json) return context.stdout.write(`${JSON.stringify(images, undefined, 2)}\n`);
      if (options.quiet) return context.stdout.write(images.map(({ digest }) => `${digest}\n`).join(""));
      const rows = images.map((image) => [
        image.references.join(", ") || "(no name)",
        shortDigest(image.digest),
        image.platform ?? "disk",
        bytes(image.sizeBytes),
        bytes(image.sharedBytes),
        bytes(image.diskBytes),
        `${image.usedBy.length}`,
        age(image.createdAt, new Date()),
      ]);
      const headings = ["IMAGE", "DIGEST", "PLATFORM", "SIZE", "SHARED", "DISK", "VMS", "AGE"];
      await context.stdout.write(columns(headings, rows));
      const { blobBytes, diskBytes } = await bandsox.images.usage();
      await context.stderr.write(
        `${bytes(blobBytes)} of layers and ${bytes(diskBytes)} of base disks on disk\n`,
      );
    });
}
