import { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../../context.ts";
import { snapshotCreateCommand } from "./create.ts";
import { snapshotDeleteCommand, snapshotInfoCommand, snapshotRenameCommand } from "./edit.ts";
import { snapshotListCommand } from "./list.ts";
import { snapshotRestoreCommand } from "./restore.ts";
import { snapshotRollbackCommand } from "./rollback.ts";
import {
  snapshotExportCommand,
  snapshotImportCommand,
  snapshotPullCommand,
  snapshotPushCommand,
} from "./transfer.ts";

/** `bandsox snapshot`. */
export function snapshotCommand(context: CliContext): Command {
  const snapshot = new Command("snapshot").description("save machines, and go on from what was saved");
  const commands = [
    snapshotCreateCommand(context),
    snapshotListCommand(context),
    snapshotInfoCommand(context),
    snapshotRestoreCommand(context),
    snapshotRollbackCommand(context),
    snapshotRenameCommand(context),
    snapshotDeleteCommand(context),
    snapshotExportCommand(context),
    snapshotImportCommand(context),
    snapshotPushCommand(context),
    snapshotPullCommand(context),
  ];
  for (const command of commands) snapshot.addCommand(command as Command);
  return snapshot;
}
