import { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../../context.ts";
import { snapshotCreateCommand } from "../snapshot/create.ts";
import { whyCommand } from "../why.ts";
import { vmStateCommands } from "./change-state.ts";
import { vmDeleteCommand } from "./delete.ts";
import { vmForkCommand } from "./fork.ts";
import { vmGrowCommand } from "./grow.ts";
import { vmInfoCommand } from "./info.ts";
import { vmLimitsCommand } from "./limits.ts";
import { vmListCommand } from "./list.ts";
import { vmMetadataCommand } from "./metadata.ts";
import { vmNetworkCommand } from "./network.ts";
import { vmReclaimCommand } from "./reclaim.ts";
import { vmRenameCommand } from "./rename.ts";
import { vmStopCommand } from "./stop.ts";

/** `bandsox vm`. */
export function vmCommand(context: CliContext): Command {
  const vm = new Command("vm").description("look after VMs");
  const commands = [
    vmListCommand(context),
    vmInfoCommand(context),
    ...vmStateCommands(context),
    vmStopCommand(context),
    vmDeleteCommand(context),
    vmRenameCommand(context),
    vmMetadataCommand(context),
    vmLimitsCommand(context),
    vmNetworkCommand(context),
    whyCommand(context, "vm "),
    vmForkCommand(context),
    vmGrowCommand(context),
    vmReclaimCommand(context),
    snapshotCreateCommand(context, "vm", "save"),
  ];
  for (const command of commands) vm.addCommand(command as Command);
  return vm;
}
