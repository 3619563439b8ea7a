import { join } from "node:path";
import { storeCommand } from "../../args/common-options.ts";
import { assignment } from "../../args/vm-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes, shortDigest } from "../../print/bytes.ts";
import { tell } from "../../print/tell.ts";

/** `bandsox image build`. */
export function imageBuildCommand(context: CliContext) {
  return storeCommand("build")
    .description("build an image from a Dockerfile with buildah, without a daemon")
    .argument("<context>", "the only directory the build reads from; its .dockerignore holds")
    .requiredOption("-t, --tag <name>", "name of the image, e.g. my-app:1")
    .option("-f, --file <path>", "Dockerfile (default: the one in the context)")
    .option("--build-arg <name=value>", "ARG value; repeatable", assignment, {})
    .option("--target <stage>", "stage to stop at (default: the last)")
    .option("--no-cache", "run every step again")
    .addHelpText("after", "\nExamples:\n  bandsox image build -t my-app .\n  bandsox create my-app")
    .action(async (directory, options) => {
      await using bandsox = await context.openBandSox(options);
      const dockerfile = options.file ?? join(directory, "Dockerfile");
      const isSilent = options.quiet || options.json;
      const built = await bandsox.images.build(dockerfile, {
        context: directory,
        name: options.tag,
        args: options.buildArg,
        target: options.target,
        noCache: !options.cache,
        signal: context.signal,
        onLine: (line) => void (isSilent || context.stderr.write(`${line}\n`)),
      });
      const { digest, name, sizeBytes } = built;
      const text = `${name} is ${shortDigest(digest)}, ${bytes(sizeBytes)}\n`;
      await tell(context, options, { json: built, text, ids: [digest] });
    });
}
