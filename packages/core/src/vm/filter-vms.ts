import { isDeepStrictEqual } from "node:util";
import type { Metadata, VmFilter } from "@bandsox/contract";
import type { VmRecord } from "../store/vm-records.ts";

/** Those of some VMs that are asked for, in the order they have. */
export function filterVms(
  records: readonly VmRecord[],
  { limit = Number.POSITIVE_INFINITY, metadata = {}, states }: VmFilter,
): VmRecord[] {
  const fits = ({ state, spec }: VmRecord) =>
    (states === undefined || states.includes(state)) && hasAll(spec.metadata, metadata);
  const fitting: VmRecord[] = [];
  for (const record of records) {
    if (fitting.length >= limit) break;
    if (fits(record)) fitting.push(record);
  }
  return fitting;
}

function hasAll(metadata: Metadata, wanted: Metadata): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => Object.hasOwn(metadata, key) && isDeepStrictEqual(metadata[key], value),
  );
}
