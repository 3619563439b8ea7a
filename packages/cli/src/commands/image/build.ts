import { join } from "node:path";
import { imageStoreCommand } from "../../args/image-options.ts";
import { assignment } from "../../args/vm-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";

/** `bandsox image build`. */
export function imageBuildCommand(context: CliContext) {
  return imageStoreCommand("build")
    .description("build an image from a Dockerfile with buildah, without a daemon")
    .argument("<context>", "the only directory the build reads from; its .dockerignore holds")
    .requiredOption("-t, --tag <name>", "name of the image, e.g. my-app:1")
    .option("-f, --file <path>", "Dockerfile (default: the one in the context)")
    .option("--build-arg <name=value>", "ARG value; repeatable", assignment, {})
    .option("--target <stage>", "stage to stop at (default: the last)")
    .option("--no-cache", "run every step again")
    .option("-q, --quiet", "print only the digest")
    .action(async (directory, options) => {
      await using bandsox = context.openBandSox(options);
      const dockerfile = options.file ?? join(directory, "Dockerfile");
      const { digest, name, sizeBytes } = await bandsox.images.build(dockerfile, {
        context: directory,
        name: options.tag,
        args: options.buildArg,
        target: options.target,
        noCache: !options.cache,
        signal: context.signal,
        onLine: (line) => void (options.quiet || context.stderr.write(`${line}\n`)),
      });
      const line = options.quiet ? digest : `${name} is ${shortDigest(digest)}, ${bytes(sizeBytes)}`;
      await context.stdout.write(`${line}\n`);
    });
}
