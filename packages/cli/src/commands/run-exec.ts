import type { ExecOptions, Vm } from "bandsox";
import type { CommonOptions } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { jsonText } from "../print/tell.ts";

/** A command for a guest, and whether its output is passed on or kept and printed as JSON. */
export interface RunExec extends ExecOptions, Pick<CommonOptions, "json"> {
  readonly argv: readonly string[];
}

/** Runs a command in a VM with its output passed on as it comes, or told as JSON at its end. @returns its exit code */
export async function runExec(
  context: CliContext,
  vm: Vm,
  { argv, json, ...options }: RunExec,
): Promise<number> {
  const exec = { signal: context.signal, ...options };
  if (json) {
    const result = await vm.exec(argv, exec);
    await context.stdout.write(jsonText({ vm: vm.id, ...result }));
    return result.exitCode;
  }
  for await (const event of vm.execStream(argv, exec)) {
    if (event.type === "exit") return event.exitCode;
    await (event.type === "stdout" ? context.stdout : context.stderr).write(event.data);
  }
  throw new Error("the exec's events ended without an exit");
}
