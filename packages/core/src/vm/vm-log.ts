import type { VmId } from "@bandsox/contract";
import { readConsole } from "../engine/console-log.ts";
import { vmPaths } from "../host/paths.ts";
import { settle } from "./reconcile.ts";
import type { VmPorts } from "./vm-ports.ts";

/** How a log is read. */
export interface LogOptions {
  /** Goes on with what is written, until the VM has stopped (default: `false`) */
  follow?: boolean;
  signal?: AbortSignal;
}

/** What is logged of a VM: what its guest wrote to its console, or what its VMM said. */
export type VmLog = "console" | "vmmLog";

/** A VM's log as text, see `readConsole`. */
export async function* readVmLog(
  ports: VmPorts,
  id: VmId,
  { of, ...options }: LogOptions & { of: VmLog },
): AsyncGenerator<string, void, undefined> {
  using attached = ports.operations.attach(options.signal);
  const { signal } = attached;
  const isOver = () => ports.operations.run(signal, () => hasEnded(ports, id));
  yield* readConsole(vmPaths(ports.paths, id)[of], { ...options, isOver, signal });
}

/** Whether nothing of the VM runs or is about to. */
async function hasEnded(ports: VmPorts, id: VmId): Promise<boolean> {
  const record = ports.records.find(id);
  const settled = record && (await settle(ports, record));
  return settled === undefined || settled.state === "stopped" || settled.state === "failed";
}
