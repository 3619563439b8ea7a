import { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../../context.ts";
import { imageBuildCommand } from "./build.ts";
import { imageHistoryCommand } from "./history.ts";
import { imageImportCommand } from "./import.ts";
import { imageInspectCommand } from "./inspect.ts";
import { imageListCommand } from "./list.ts";
import { imagePruneCommand } from "./prune.ts";
import { imagePullCommand } from "./pull.ts";
import { imageRemoveCommand } from "./remove.ts";

/** `bandsox image`. */
export function imageCommand(context: CliContext): Command {
  const image = new Command("image").description("look after the images VMs are made from");
  const commands = [
    imagePullCommand(context),
    imageImportCommand(context),
    imageBuildCommand(context),
    imageListCommand(context),
    imageInspectCommand(context),
    imageHistoryCommand(context),
    imageRemoveCommand(context),
    imagePruneCommand(context),
  ];
  for (const command of commands) image.addCommand(command as Command);
  return image;
}
