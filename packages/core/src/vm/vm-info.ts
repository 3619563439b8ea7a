import type { VmInfo } from "@bandsox/contract";
import type { VmRecord } from "../store/vm-records.ts";

/** What a user sees of a VM's row. */
export function toVmInfo(record: VmRecord): VmInfo {
  const { id, name, state, spec, engine, createdAt, imageDigest, failure } = record;
  const { image, vcpu, memMib, diskSizeMib, networking, env, metadata } = spec;
  return {
    ...{ id, name, state, image, engine, vcpu, memMib, diskSizeMib, networking, env, metadata, createdAt },
    ...(imageDigest === undefined ? {} : { imageDigest }),
    ...(failure === undefined ? {} : { failure }),
  };
}
