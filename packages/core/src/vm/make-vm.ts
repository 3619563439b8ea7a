import { mkdir } from "node:fs/promises";
import { nextState, type VmId, type VmSpec } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { deadlineIn } from "../host/moment.ts";
import { vmPaths } from "../host/paths.ts";
import { processOwner } from "../store/ledger.ts";
import type { VmChange, VmRecord } from "../store/vm-records.ts";
import { keepLimits } from "./limits.ts";
import { forgetVm, releaseVm } from "./release-vm.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

export interface MakeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the VM is deleted, by whoever opens the storage next, once this process is dead (default: `false`) */
  readonly ephemeral?: boolean | undefined;
}

/**
 * Makes a VM: `build` brings it up and tells what is known of it then.
 *
 * Either everything is in place when this resolves, or nothing is left when it rejects. If this process dies on
 * the way, the row says `creating` and nobody holds its lock: the next reconcile cleans up and says so.
 */
export async function makeVm(
  ports: VmPorts,
  { engine, spec, known = {} }: { engine: Engine; spec: VmSpec; known?: VmChange },
  options: MakeOptions,
  build: (record: VmRecord) => Promise<VmChange>,
): Promise<VmRecord> {
  const id = ports.newId();
  using _lock = await lockVm(ports, id, options.signal);
  const record = newRecord(ports, { id, engine, spec });
  begin(ports, id, options, () => ports.records.insert(record));
  return await complete(ports, { engine, record, known }, build);
}

/** A VM as it is first written down. */
export function newRecord(
  ports: VmPorts,
  { id, engine, spec }: { id: VmId; engine: Engine; spec: VmSpec },
): VmRecord {
  return {
    ...{ id, name: spec.name ?? id, state: "creating", spec },
    ...{ engine: engine.name, createdAt: ports.now().toISOString() },
    ...(spec.timeoutMs === undefined ? {} : { deadline: deadlineIn(spec.timeoutMs, ports.moment()) }),
  };
}

/** Brings up a VM that is written down, or takes back all of it. The caller holds its lock. */
export async function complete(
  ports: VmPorts,
  { engine, record, known }: { engine: Engine; record: VmRecord; known: VmChange },
  build: (record: VmRecord) => Promise<VmChange>,
): Promise<VmRecord> {
  const { id } = record;
  try {
    ports.records.move(id, "creating", "creating", known);
    const change = await build({ ...record, ...known });
    ports.records.move(id, "creating", nextState(id, "creating", "started"), change);
    return { ...record, state: "running", ...known, ...change };
  } catch (error) {
    await undo(ports, engine, id);
    throw error;
  }
}

/** Writes a VM down by `insert`; before that, that it is to end with this process, if it is. */
export function begin<T>(ports: VmPorts, id: VmId, { ephemeral = false }: MakeOptions, insert: () => T): T {
  const resource = { owner: processOwner(), kind: "vm", locator: id } as const;
  if (ephemeral) ports.ledger.record(resource);
  try {
    return insert();
  } catch (error) {
    ports.ledger.strike(resource);
    throw error;
  }
}

/** What cannot be removed now stays written down, in a row that says `creating`, for the next reconcile. */
async function undo(ports: VmPorts, engine: Engine, id: VmId): Promise<void> {
  try {
    await releaseVm(ports, engine, id);
    forgetVm(ports, id);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    ports.warn(`could not remove what was made of ${id}, it will be tried again: ${why}`);
  }
}

/** The directory everything of a VM is in; written down before it is made. */
export async function makeVmDirectory(ports: VmPorts, record: VmRecord) {
  const { id } = record;
  const paths = vmPaths(ports.paths, id);
  ports.ledger.record({ owner: id, kind: "directory", locator: paths.dir });
  await mkdir(paths.dir, { recursive: true, mode: 0o700 });
  await keepLimits(ports, record);
  return paths;
}
