import type { VmId, VmSpec } from "@bandsox/contract";
import { isAnyBandSoxError } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { vmPaths } from "../host/paths.ts";
import { hasOrdinaryNetwork, networkOf } from "../network/nic.ts";
import type { PooledVm, PoolRecord } from "../store/pool-records.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { becomeClone } from "../vm/enter-machine.ts";
import { tellLimits } from "../vm/limits.ts";
import { begin, complete, type MakeOptions, newRecord } from "../vm/make-vm.ts";
import { type StageOptions, timed } from "../vm/stages.ts";
import { type VmPorts, vmKey } from "../vm/vm-ports.ts";
import { partsOf } from "./fill-pool.ts";

/**
 * Makes a VM of one that a pool keeps ready, when there is such a pool and it has one. The pool is filled up again by
 * `VmPorts.refill`, whatever comes of it.
 *
 * @returns `undefined` when the VM has to be made
 * @throws {BandSoxError} `image_…`, `vm_name_taken`, `interrupted`
 */
export async function createFromPool(
  ports: VmPorts,
  { engine, spec }: { engine: Engine; spec: VmSpec },
  options: MakeOptions & StageOptions,
): Promise<VmRecord | undefined> {
  const pool = poolFor(ports, spec);
  if (!pool) return undefined;
  try {
    const { imageConfig, goldenKey } = await timed("image", options, () =>
      partsOf(ports, engine, {
        pool,
        networking: networkOf(spec.networking) ?? false,
        signal: options.signal,
      }),
    );
    for (const vm of ports.pools.vms(pool.id)) {
      if (vm.goldenKey !== goldenKey || vm.engine !== engine.name) continue;
      const made = await takeOne(ports, vm, { engine, spec, imageConfig, options });
      if (!made) continue;
      ports.pools.noteHit(pool.id);
      return made;
    }
    ports.pools.noteMiss(pool.id);
    return undefined;
  } finally {
    ports.refill(pool.id);
  }
}

/** A VM that differs in more than its name and what commands see comes from no pool; its network is the ordinary one. */
function poolFor(ports: VmPorts, spec: VmSpec): PoolRecord | undefined {
  return spec.boot === "golden" && hasOrdinaryNetwork(spec.networking)
    ? ports.pools.findByShape(spec)
    : undefined;
}

interface Taking {
  readonly engine: Engine;
  readonly spec: VmSpec;
  readonly imageConfig: NonNullable<VmRecord["imageConfig"]>;
  readonly options: MakeOptions & StageOptions;
}

/** @returns `undefined` when somebody else has it, or it is of no use any more */
async function takeOne(
  ports: VmPorts,
  { id, imageDigest, bootFiles }: PooledVm,
  { engine, spec, imageConfig, options }: Taking,
): Promise<VmRecord | undefined> {
  using lock = ports.leases.tryAcquire(vmKey(id));
  const paths = vmPaths(ports.paths, id);
  if (!lock || !engine.find(paths) || !ports.pools.take(id)) return undefined;
  const record = newRecord(ports, { id, engine, spec });
  const known = { imageDigest, imageConfig, bootFiles };
  writeDown(ports, id, () => begin(ports, id, options, () => ports.records.insert(record)));
  try {
    return await complete(ports, { engine, record, known }, async () => {
      const { connections } = ports;
      const identity = { record, imageConfig, agentSocket: paths.agentSocket, connections };
      await tellLimits(ports, record);
      await timed("agent", options, () => becomeClone(identity, options.signal));
      return {};
    });
  } catch (error) {
    // A guest that died while it waited is a reason to make another VM, not to make none.
    if (!isAnyBandSoxError(error) || !error.code.startsWith("guest_")) throw error;
    ports.warn(`${error.message}; making the VM instead of taking it from its pool`);
    return undefined;
  }
}

/** The VM is somebody's from here on, or still the pool's. */
function writeDown(ports: VmPorts, id: VmId, insert: () => void): void {
  try {
    insert();
  } catch (error) {
    ports.pools.giveBack(id);
    throw error;
  }
  ports.pools.forgetVm(id);
}
