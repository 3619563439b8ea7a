import { rm } from "node:fs/promises";
import type { VmId } from "@bandsox/contract";
import type { Engine } from "../engine/engine.ts";
import { vmPaths } from "../host/paths.ts";
import type { VmPorts } from "./vm-ports.ts";

type ReleasePorts = Pick<VmPorts, "paths" | "ledger">;

/** Removes everything a VM has on the host, its disk included. Idempotent; the caller holds the VM's lock. */
export async function releaseVm(ports: ReleasePorts, engine: Engine, id: VmId): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  await endVmm(ports, engine, id);
  await rm(paths.dir, { recursive: true, force: true });
  ports.ledger.strike({ kind: "directory", locator: paths.dir });
}

/** Ends a VM's processes and removes their files; the layer disk and the logs stay. Idempotent. */
export async function endVmm(ports: ReleasePorts, engine: Engine, id: VmId): Promise<void> {
  const paths = vmPaths(ports.paths, id);
  await engine.terminate(paths);
  for (const file of [
    paths.agentSocket,
    paths.channelSocket,
    paths.controlSocket,
    paths.memory,
    paths.supervisor,
    paths.launchConfig,
  ]) {
    await rm(file, { force: true });
  }
  ports.ledger.strike({ kind: "supervisor", locator: paths.supervisor });
}
