import { fetchingCommand, toFetchOptions } from "../../args/image-options.ts";
import { assignment } from "../../args/vm-options.ts";
import type { CliContext } from "../../context.ts";
import { imageProgress } from "../../print/image-progress.ts";
import { progressOutput } from "../../print/progress-output.ts";
import { tell } from "../../print/tell.ts";
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
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox image import tar:rootfs.tar.zst my-base\n  bandsox image import -e PATH=/bin --cmd /bin/sh -- dir:./root my-root",
    )
    .action(async (source, name, options) => {
      await using bandsox = await context.openBandSox(options);
      const progress = imageProgress(progressOutput(context, options), source);
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
      await tell(context, options, { json: info, text: stored(name, info), ids: [info.digest] });
    });
}
