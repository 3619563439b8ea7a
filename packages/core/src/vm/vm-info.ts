import type { VmInfo } from "@bandsox/contract";
import { vmPaths } from "../host/paths.ts";
import type { VmRecord } from "../store/vm-records.ts";
import type { VmPorts } from "./vm-ports.ts";

/** What a user sees of a VM: its row and, while it runs, how it is reached. */
export function toVmInfo(ports: Pick<VmPorts, "engine" | "paths">, record: VmRecord): VmInfo {
  const { id, name, state, spec, engine, createdAt, imageDigest, snapshotId, failure } = record;
  const { image, vcpu, memMib, diskSizeMib, networking, env, metadata } = spec;
  const transport =
    state === "running" ? ports.engine(engine).findTransport(vmPaths(ports.paths, id)) : undefined;
  return {
    ...{ id, name, state, image, engine, vcpu, memMib, diskSizeMib, networking, env, metadata, createdAt },
    ...(transport === undefined ? {} : { transport }),
    ...(imageDigest === undefined ? {} : { imageDigest }),
    ...(snapshotId === undefined ? {} : { snapshotId }),
    ...(failure === undefined ? {} : { failure }),
  };
}
