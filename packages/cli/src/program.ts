import { Command } from "@commander-js/extra-typings";
import { catCommand } from "./commands/cat.ts";
import { cleanupCommand } from "./commands/cleanup.ts";
import { cpCommand } from "./commands/cp.ts";
import { createCommand } from "./commands/create.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { eventsCommand } from "./commands/events.ts";
import { execCommand } from "./commands/exec.ts";
import { imageCommand } from "./commands/image/image.ts";
import { initCommand } from "./commands/init.ts";
import { logsCommand } from "./commands/logs.ts";
import { lsCommand } from "./commands/ls.ts";
import { portForwardCommand } from "./commands/port-forward.ts";
import { runCommand } from "./commands/run.ts";
import { snapshotCommand } from "./commands/snapshot/snapshot.ts";
import { statsCommand } from "./commands/stats.ts";
import { terminalCommand } from "./commands/terminal.ts";
import { vmCommand } from "./commands/vm/vm.ts";
import { whyCommand } from "./commands/why.ts";
import type { CliContext } from "./context.ts";

/** The whole command tree. */
export function bandsoxCommand(context: CliContext): Command {
  const program = new Command("bandsox")
    .description("run untrusted code in microVMs on this machine")
    .enablePositionalOptions();
  const commands = [
    initCommand(context),
    doctorCommand(context),
    runCommand(context),
    createCommand(context),
    execCommand(context),
    terminalCommand(context),
    logsCommand(context),
    statsCommand(context),
    eventsCommand(context),
    cleanupCommand(context),
    whyCommand(context),
    portForwardCommand(context),
    cpCommand(context),
    lsCommand(context),
    catCommand(context),
    vmCommand(context),
    snapshotCommand(context),
    imageCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  settle(program, context);
  return program;
}

/** No command ends the process or prints by itself: that is for the caller. */
function settle(command: Command, context: CliContext): void {
  command
    .exitOverride()
    .showHelpAfterError(`try: bandsox ${command.name() === "bandsox" ? "" : `${command.name()} `}--help`)
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    });
  for (const child of command.commands) settle(child as Command, context);
}
