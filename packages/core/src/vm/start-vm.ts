import { rm } from "node:fs/promises";
import { BandSoxError, nextState, type VmId } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import { assertSound, type VmRecord } from "../store/vm-records.ts";
import { forgetEnforced, keepLimits, renewedDeadline } from "./limits.ts";
import { endVmm } from "./release-vm.ts";
import { restingVm } from "./resting-vm.ts";
import type { StageOptions } from "./stages.ts";
import { startMachine } from "./start-machine.ts";
import { lockVm, type VmPorts } from "./vm-ports.ts";

/**
 * Starts a VM that is stopped, or has failed, again from its disk. One that does not start stays as it was.
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_wrong_state`, `vm_start_failed`, `kernel_missing`, `engine_unavailable`,
 *   `interrupted`
 */
export async function startVm(ports: VmPorts, id: VmId, options: StageOptions = {}): Promise<VmRecord> {
  using _lock = await lockVm(ports, id, options.signal);
  const { record: found } = await startable(ports, id);
  const record = { ...found, deadline: renewedDeadline(ports, found) };
  const starting = nextState(id, record.state, "start");
  const engine = ports.engine(record.engine);
  engine.check();
  await ports.bootFiles();
  const baseDisk = await ports.images.ensureBaseDisk(record.imageDigest, { signal: options.signal });
  ports.records.move(id, record.state, starting);
  try {
    await rm(vmPaths(ports.paths, id).exit, { force: true }); // of the last run
    await forgetEnforced(ports, id);
    await keepLimits(ports, record);
    const parts = { engine, record, imageConfig: record.imageConfig, baseDisk };
    const bootFiles = await startMachine(ports, parts, options);
    const change = { bootFiles, failure: undefined, snapshotId: undefined, deadline: record.deadline };
    ports.records.move(id, starting, nextState(id, starting, "started"), change);
    return { ...record, state: "running", ...change };
  } catch (error) {
    await endVmm(ports, engine, id);
    ports.records.move(id, starting, record.state);
    throw error;
  }
}

/** A VM with a disk that nobody writes to, and all that is known of it. */
export async function startable(ports: VmPorts, id: VmId) {
  const found = ports.records.find(id);
  if (found) {
    assertSound(found, "start");
    nextState(id, found.state, "start");
  }
  const { record, layerDisk } = await restingVm(ports, id, "start");
  const { imageDigest, imageConfig } = record;
  if (imageDigest !== undefined && imageConfig !== undefined)
    return { record: { ...record, imageDigest, imageConfig }, layerDisk };
  const details = { vmId: id, state: record.state, wanted: ["stopped"] };
  throw new BandSoxError("vm_wrong_state", `cannot start ${id}: it failed before it was ready once`, details);
}
