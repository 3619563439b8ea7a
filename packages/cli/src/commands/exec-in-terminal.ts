import type { ExecExit, Terminal, TerminalOptions, Vm } from "bandsox";
import type { CliContext } from "../context.ts";
import { jsonText } from "../print/tell.ts";
import { requireTty, useTerminal } from "../terminal/use-terminal.ts";

/** How a command gets its terminal. */
export interface InTerminal extends TerminalOptions {
  /** Whether it is typed to */
  interactive: boolean;
  json?: true | undefined;
}

/**
 * Runs a command in a terminal of its own and shows it here. The command ends with this program, unless the user
 * leaves it running.
 *
 * @returns its exit code; 0 when it was left
 */
export async function execInTerminal(
  context: CliContext,
  vm: Vm,
  { interactive, json, ...options }: InTerminal,
): Promise<number> {
  if (interactive) requireTty(context, "leave out -t, or -i");
  const term = context.env.TERM;
  const terminal = await vm.terminal({
    ...{ ...context.screen.size, ...(term ? { term } : {}), signal: context.signal },
    ...options,
  });
  let isLeft = false;
  try {
    const exit = await useTerminal(context, terminal, { interactive });
    isLeft = exit === undefined;
    await tellHowItEnded(context, { vm, terminal, exit, json });
    return exit?.exitCode ?? 0;
  } finally {
    // What failed first is what the user should hear of.
    if (!isLeft) await terminal.session.delete().catch(() => {});
  }
}

/** How a terminal was shown, and what became of it. */
interface Ended extends Pick<InTerminal, "json"> {
  readonly vm: Vm;
  readonly terminal: Terminal;
  /** Absent when the user left it running */
  readonly exit: ExecExit | undefined;
}

/** Says how to get back to a terminal that was left; as JSON, how it ended in any case. */
export async function tellHowItEnded(
  context: CliContext,
  { vm, terminal, exit, json }: Ended,
): Promise<void> {
  if (json) {
    const isDetached = exit === undefined;
    await context.stdout.write(jsonText({ vm: vm.id, session: terminal.id, isDetached, ...exit }));
  } else if (!exit) {
    const back = `bandsox terminal ${vm.id} ${terminal.id}`;
    await context.stderr.write(`\r\ndetached from session ${terminal.id}\nget back with: ${back}\n`);
  }
}
