import type { VmId } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { vmPaths } from "../host/paths.ts";
import { removeTree } from "../host/remove-tree.ts";
import type { VmPorts } from "./vm-ports.ts";

type ReleasePorts = Pick<VmPorts, "paths" | "ledger" | "networks">;

/** Removes everything a VM has on the host, its disk included. Idempotent; the caller holds the VM's lock. */
export async function releaseVm(ports: ReleasePorts, engine: Engine, id: VmId): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  await endVmm(ports, engine, id);
  await removeTree(paths.dir);
  ports.ledger.strike({ kind: "directory", locator: paths.dir });
}

/** Forgets a VM that has nothing on the host any more. The caller holds the VM's lock. */
export function forgetVm(ports: Pick<VmPorts, "records" | "ledger">, id: VmId): void {
  ports.records.delete(id);
  ports.ledger.strike({ kind: "vm", locator: id });
}

/** Ends a VM's processes, takes its network back and removes their files; the layer disk and the logs stay. Idempotent. */
export async function endVmm(ports: ReleasePorts, engine: Engine, id: VmId): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  await engine.terminate(paths);
  for (const file of [
    paths.agentSocket,
    paths.channelSocket,
    paths.controlSocket,
    paths.observerSocket,
    paths.apiSocket,
    paths.vsockSocket,
    paths.vmmLogPipe,
    paths.metricsPipe,
    paths.baseDisk,
    paths.transport,
    paths.jail,
    paths.networkSocket,
    paths.published,
    paths.memory,
    paths.supervisor,
    paths.launchConfig,
  ]) {
    await removeTree(file);
  }
  await ports.networks.detach(id);
  ports.ledger.strike({ kind: "supervisor", locator: paths.supervisor });
}
