import type { ExecOptions, Vm } from "bandsox";
import type { CliContext } from "../context.ts";

/** Runs a command in a VM with its output passed on as it comes. @returns its exit code */
export async function streamExec(
  context: CliContext,
  vm: Vm,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<number> {
  for await (const event of vm.execStream(argv, { signal: context.signal, ...options })) {
    if (event.type === "exit") return event.exitCode;
    await (event.type === "stdout" ? context.stdout : context.stderr).write(event.data);
  }
  throw new Error("the exec's events ended without an exit");
}
