import type { Terminal, TerminalOptions, Vm } from "bandsox";
import type { CliContext } from "../context.ts";
import { requireTty, useTerminal } from "../terminal/use-terminal.ts";

/** How a command gets its terminal. */
export interface InTerminal extends TerminalOptions {
  /** Whether it is typed to */
  interactive: boolean;
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
  { interactive, ...options }: InTerminal,
): Promise<number> {
  if (interactive) requireTty(context);
  const term = context.env.TERM;
  const terminal = await vm.terminal({
    ...{ ...context.screen.size, ...(term ? { term } : {}), signal: context.signal },
    ...options,
  });
  let isLeft = false;
  try {
    const exit = await useTerminal(context, terminal, { interactive });
    isLeft = exit === undefined;
    if (isLeft) await tellWhereItIs(context, vm, terminal);
    return exit?.exitCode ?? 0;
  } finally {
    // What failed first is what the user should hear of.
    if (!isLeft) await terminal.session.delete().catch(() => {});
  }
}

/** Says how to get back to a terminal that was left. */
export async function tellWhereItIs(context: CliContext, vm: Vm, { id }: Terminal): Promise<void> {
  await context.stderr.write(
    `\r\ndetached from session ${id}; get back with: bandsox terminal ${vm.id} ${id}\n`,
  );
}
