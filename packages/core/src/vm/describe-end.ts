import { END_CAUSES, END_CONSOLE_BYTES, type EndCause, type VmEnd } from "@bandsox/contract";
import { lastConsole } from "../engine/console-tail.ts";
import { findEnforced, findVitals, lossOf } from "../engine/end-records.ts";
import { vmPaths } from "../host/paths.ts";
import { ownIdentity } from "../host/process-identity.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { type JudgedEnd, judgeEnd } from "./end-cause.ts";
import type { VmPorts } from "./vm-ports.ts";

const LINE_MAX = 1000;

/** What was wanted of a VM that ended because of it. */
const WANTED: Partial<Record<EndCause, string>> = {
  stopped: "it was stopped",
  deleted: "it was deleted while it ran",
  create_failed: "the process that was creating it died before it was ready",
};

/**
 * How a VM ended, from what is left in its directory: so before anything of that is removed.
 *
 * @param wanted why, when somebody wanted it to
 */
export function describeEnd(ports: VmPorts, record: VmRecord, wanted?: EndCause): VmEnd {
  const { id, name } = record;
  const paths = vmPaths(ports.paths, id);
  const exit = ports.engine(record.engine).findExit(paths);
  const console = lastConsole(paths, END_CONSOLE_BYTES);
  const found = { exit, console, enforced: findEnforced(paths), loss: lossOf(paths, ownIdentity()) };
  const judged: JudgedEnd = wanted ? { cause: wanted, summary: WANTED[wanted] ?? wanted } : judgeEnd(found);
  const { cause, summary, panic, oom } = judged;
  const evidence = {
    ...{ exitCode: exit?.exitCode ?? undefined, signal: exit?.signal ?? undefined },
    ...{ vmmLog: exit?.reason || undefined, panic, oom, hostOom: exit?.hostOom?.slice(0, LINE_MAX) },
    ...{ console, ...findVitals(paths) },
  };
  const ended = { vmId: id, vmName: name, at: ports.now().toISOString() };
  return { ...ended, cause, summary, advice: END_CAUSES[cause], evidence };
}
