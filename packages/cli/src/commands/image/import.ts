import { fetchingCommand, toFetchOptions } from "../../args/image-options.ts";
import { assignment } from "../../args/vm-options.ts";
import type { CliContext } from "../../context.ts";
import { imageProgress } from "../../print/image-progress.ts";
import { stored } from "./pull.ts";

/** `bandsox image import`. */
export function imageImportCommand(context: CliContext) {
  return fetchingCommand("import")
    .description("read an image from anywhere into the store under a name")
    .argument(
      "<source>",
      "e.g. oci:./layout:tag, docker-archive:image.tar, tar:rootfs.tar, dir:./root, ext4:disk.ext4",
    )
    .argument("<name>", "the name VMs are made by from then on, e.g. my-base:1")
    .option("-e, --env <name=value>", "variable of a tar, dir or ext4 source; repeatable", assignment, {})
    .option("--entrypoint <program>", "entrypoint of a tar, dir or ext4 source")
    .option("--cmd <word...>", "command of a tar, dir or ext4 source")
    .option("-w, --workdir <dir>", "working directory of a tar, dir or ext4 source")
    .option("-u, --user <user>", "user of a tar, dir or ext4 source")
    .action(async (source, name, options) => {
      await using bandsox = context.openBandSox(options);
      const progress = imageProgress(context.stderr, source);
      const { env, entrypoint, cmd, workdir, user } = options;
      const config = {
        env,
        entrypoint: entrypoint === undefined ? undefined : [entrypoint],
        cmd,
        workingDir: workdir,
        user,
      };
      const how = {
        ...toFetchOptions(options),
        signal: context.signal,
        onEvent: progress.onEvent,
      };
      const info = await bandsox.images.import(source, name, { ...how, config }).finally(progress.clear);
      await context.stdout.write(options.quiet ? `${info.digest}\n` : stored(name, info));
    });
}
