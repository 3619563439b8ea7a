import { isDeepStrictEqual } from "node:util";
import type { VmInfo } from "@bandsox/contract";

/** Fields a VM's metadata must have; text that is no JSON object asks for nothing, as in the first BandSox. */
export function parseFilter(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

/** Whether a VM's metadata has all the fields, with equal values. */
export function hasMetadata({ metadata }: VmInfo, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(metadata, name) && isDeepStrictEqual(metadata[name], value),
  );
}
