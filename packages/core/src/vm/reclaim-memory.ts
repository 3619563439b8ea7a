import { BandSoxError, parseInput, type VmId } from "@bandsox/contract";
import { z } from "zod";
import type { Engine } from "../engine/engine.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/** What is left to a guest whatever is taken, in MiB: a kernel and an agent run in it. */
const LEFT_MIB = 64;

/**
 * Takes so much of a guest's memory for the host, in MiB, `0` none of it any more. The guest gives it up by and by, its
 * caches first, and takes it back when it would run out.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `invalid_argument`, `vm_control_failed`, `interrupted`
 */
export async function reclaimMemory(
  ports: VmPorts,
  id: VmId,
  { mib, signal }: { mib: number; signal?: AbortSignal | undefined },
): Promise<void> {
  using _lock = await lockVm(ports, id, signal);
  const record = ports.records.find(id);
  if (!record) throw new BandSoxError("vm_not_found", `there is no VM ${id}`, { vmId: id });
  const engine = ports.engine(record.engine);
  assertReclaimable(record, engine, mib);
  await engine.reclaim(vmPaths(ports.paths, id), mib);
}

function assertReclaimable({ id, state, spec }: VmRecord, engine: Engine, mib: number): void {
  if (!engine.capabilities.reclaim) {
    const message = `cannot take memory back: the ${engine.name} engine does not`;
    throw new BandSoxError("invalid_argument", message, { field: "mib", found: mib });
  }
  const most = Math.max(0, spec.memMib - LEFT_MIB);
  const range = `mib is 0 to ${most}: the VM has ${spec.memMib} MiB, and ${LEFT_MIB} are left to it`;
  parseInput(z.int("mib is a whole number").min(0, range).max(most, range), mib, "mib");
  if (state === "running" || state === "paused") return;
  const message = `cannot take memory of ${id} back: it is ${state}`;
  throw new BandSoxError("vm_wrong_state", message, { vmId: id, state, wanted: ["running", "paused"] });
}
