import type { NetworkInfo, NetworkSpec, VmId, VmInfo } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import { networkOf } from "../network/nic.ts";
import { findPublished } from "../network/published-ports.ts";
import type { VmRecord } from "../store/vm-records.ts";
import { ON_IDLE, ON_TIMEOUT } from "./limits.ts";
import type { VmPorts } from "./vm-ports.ts";

/** What a user sees of a VM: its row and, while it runs, how it is reached. */
export function toVmInfo(
  ports: Pick<VmPorts, "engine" | "paths" | "ends" | "networks">,
  record: VmRecord,
): VmInfo {
  const { id, name, state, spec, engine, createdAt, imageDigest, snapshotId, failure } = record;
  const ended = state === "stopped" || state === "failed" ? ports.ends.summary(id) : undefined;
  const { image, vcpu, memMib, diskSizeMib, networking, env, metadata } = spec;
  const transport =
    state === "running" ? ports.engine(engine).findTransport(vmPaths(ports.paths, id)) : undefined;
  const network = networkOf(networking);
  const hasNetwork = network !== undefined;
  return {
    ...{
      id,
      name,
      state,
      image,
      engine,
      vcpu,
      memMib,
      diskSizeMib,
      networking: hasNetwork,
      createdAt,
    },
    ...structuredClone({ env, metadata }), // the record's own are everybody's
    ...(network && (state === "running" || state === "paused")
      ? { network: describeNetwork(ports, id, network) }
      : {}),
    ...(transport === undefined ? {} : { transport }),
    ...(imageDigest === undefined ? {} : { imageDigest }),
    ...(snapshotId === undefined ? {} : { snapshotId }),
    ...(failure === undefined ? {} : { failure }),
    ...limitsOf(record),
    ...(ended === undefined ? {} : { ended }),
  };
}

/** How the VM is reached, at the ports its supervisor has got. */
function describeNetwork(
  { networks, paths }: Pick<VmPorts, "networks" | "paths">,
  id: VmId,
  network: NetworkSpec,
): NetworkInfo {
  return structuredClone(networks.describe(id, network, findPublished(vmPaths(paths, id).published)));
}

/** The limits a VM has, and nothing of those it has not. */
function limitsOf({ spec, deadline, pausedBy }: VmRecord) {
  const { idleTimeoutMs, onTimeout = ON_TIMEOUT, onIdle = ON_IDLE } = spec;
  const expiresAt = deadline && new Date(deadline.atMs).toISOString();
  return {
    ...(expiresAt === undefined ? {} : { expiresAt, onTimeout }),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs, onIdle }),
    ...(pausedBy === undefined ? {} : { pausedBy }),
  };
}
