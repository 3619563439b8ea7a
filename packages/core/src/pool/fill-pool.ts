import { BandSoxError, type NetworkSpec, type PoolId, type PoolShape, VmSpec } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { vmPaths } from "../host/paths.ts";
import { shapeNic } from "../network/nic.ts";
import type { PooledVm, PoolRecord } from "../store/pool-records.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { imageGoldenKey } from "../vm/image-golden.ts";
import { makeVmDirectory } from "../vm/make-vm.ts";
import { releaseVm } from "../vm/release-vm.ts";
import { startFromImage } from "../vm/start-from-image.ts";
import { lockVm, type VmPorts, vmKey } from "../vm/vm-ports.ts";
import { warmUp } from "../vm/warm-up.ts";

/**
 * Brings a pool to its size: removes VMs that are too many, or that go on from what was replaced, and makes those that
 * are missing, one after the other. One process does so at a time; the others wait, and find nothing left to do.
 *
 * @throws {BandSoxError} what creating a VM throws, `interrupted`
 */
export async function fillPool(ports: VmPorts, poolId: PoolId, signal?: AbortSignal): Promise<void> {
  if (!ports.pools.find(poolId)) return;
  using _lease = await ports.leases.acquire(`pool:${poolId}`, signal);
  let pool = ports.pools.find(poolId);
  if (!pool) return;
  const engine = ports.defaultEngine();
  const networking = await ports.networks.settle(undefined, engine.capabilities.networking);
  const parts = { networking, ...(await partsOf(ports, engine, { pool, networking, signal })) };
  for (const vm of ports.pools.vms(poolId))
    if (vm.goldenKey !== parts.goldenKey) await discardPooled(ports, vm);
  for (;;) {
    signal?.throwIfAborted();
    pool = ports.pools.find(poolId);
    if (!pool) return;
    const there = ports.pools.vms(poolId);
    if (there.length === pool.size) return;
    const [oldest] = there;
    if (there.length > pool.size && oldest) await discardPooled(ports, oldest);
    else await makePooled(ports, { pool, engine, ...parts }, signal);
  }
}

/** Removes a VM of a pool, if it is nobody's yet. */
export async function discardPooled(ports: VmPorts, { id, engine }: PooledVm): Promise<void> {
  using lock = ports.leases.tryAcquire(vmKey(id));
  if (!lock || !ports.pools.findVm(id)) return; // it is being taken
  await releaseVm(ports, ports.engine(engine), id);
  ports.pools.forgetVm(id);
}

interface PoolParts {
  readonly imageDigest: string;
  readonly imageConfig: NonNullable<VmRecord["imageConfig"]>;
  readonly baseDisk: string;
  readonly goldenKey: string;
}

/** What VMs of a shape are made of now. */
export async function partsOf(
  ports: VmPorts,
  engine: Engine,
  {
    pool,
    networking,
    signal,
  }: { pool: PoolShape; networking: NetworkSpec | false; signal: AbortSignal | undefined },
): Promise<PoolParts> {
  const { image, vcpu, memMib, diskSizeMib } = pool;
  const { digest, config } = await ports.images.resolve(image, { signal });
  const baseDisk = await ports.images.ensureBaseDisk(digest, { signal });
  const shape = { vcpu, memMib, ...(await ports.bootFiles()), nic: shapeNic(networking) };
  const goldenKey = await imageGoldenKey({ engine, shape, imageConfig: config, baseDisk, diskSizeMib });
  return { imageDigest: digest, imageConfig: config, baseDisk, goldenKey };
}

async function makePooled(
  ports: VmPorts,
  {
    pool,
    engine,
    networking,
    ...parts
  }: PoolParts & { pool: PoolRecord; engine: Engine; networking: NetworkSpec | false },
  signal: AbortSignal | undefined,
): Promise<void> {
  const id = ports.newId();
  const begun = performance.now();
  using _lock = await lockVm(ports, id, signal);
  const { imageDigest, imageConfig, baseDisk, goldenKey } = parts;
  ports.pools.insertVm({
    ...{ id, poolId: pool.id, state: "filling", engine: engine.name },
    ...{ imageDigest, goldenKey },
  });
  try {
    const { image, vcpu, memMib, diskSizeMib } = pool;
    const spec = VmSpec.parse({ image, vcpu, memMib, diskSizeMib, networking });
    const record: VmRecord = {
      ...{ id, name: "pooled", state: "creating", spec },
      ...{ engine: engine.name, createdAt: ports.now().toISOString() },
    };
    await makeVmDirectory(ports, record);
    const bootFiles = await startFromImage(ports, { engine, record, imageConfig, baseDisk }, { signal });
    if (!bootFiles) throw cannotBeKept(pool, engine);
    await warmUp({ id, agentSocket: vmPaths(ports.paths, id).agentSocket }, undefined, signal);
    ports.pools.ready(id, { bootFiles, tookMs: performance.now() - begun });
  } catch (error) {
    await releaseVm(ports, engine, id);
    ports.pools.forgetVm(id);
    throw error;
  }
}

function cannotBeKept({ image }: PoolRecord, { name }: Engine): BandSoxError {
  const message = `cannot keep VMs of ${image} ready: the engine ${name} could not go on from a golden of it`;
  return new BandSoxError("snapshots_unavailable", message, { engine: name });
}
