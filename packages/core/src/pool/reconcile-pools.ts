import { vmPaths } from "../host/paths.ts";
import type { PooledVm } from "../store/pool-records.ts";
import { releaseVm } from "../vm/release-vm.ts";
import { type VmPorts, vmKey } from "../vm/vm-ports.ts";

/**
 * Makes what is known of a pool's VM true: one whose process died while it was made or taken, whose VMM has ended, or
 * whose pool is gone, is removed. One that another living process is at work on is left to it.
 */
export async function settlePooled(ports: VmPorts, seen: PooledVm): Promise<void> {
  using lock = ports.leases.tryAcquire(vmKey(seen.id));
  const vm = lock && ports.pools.findVm(seen.id);
  if (!vm) return;
  const engine = ports.engine(vm.engine);
  if (vm.state === "ready" && engine.find(vmPaths(ports.paths, vm.id)) && ports.pools.find(vm.poolId)) return;
  if (ports.records.find(vm.id)) return ports.pools.forgetVm(vm.id); // it is a VM of somebody's already
  await releaseVm(ports, engine, vm.id);
  ports.pools.forgetVm(vm.id);
}
