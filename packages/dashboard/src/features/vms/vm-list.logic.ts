import type { Metadata, VmInfo, VmState } from "@bandsox/contract";

export type SortKey = "name" | "state" | "image" | "memMib" | "createdAt";

export interface VmListView {
  /** Words, of which all are to be found; `key=value` looks into the metadata, `key=` for the key alone */
  readonly search: string;
  readonly states: readonly VmState[];
  readonly sort: SortKey;
  readonly isDescending: boolean;
}

/** The VMs a view shows, in its order. */
export function visibleVms(vms: readonly VmInfo[], view: VmListView): VmInfo[] {
  const terms = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = vms.filter(
    (vm) =>
      (view.states.length === 0 || view.states.includes(vm.state)) &&
      terms.every((term) => matches(vm, term)),
  );
  const direction = view.isDescending ? -1 : 1;
  return found.toSorted((a, b) => direction * compare(a[view.sort], b[view.sort]));
}

function matches({ id, name, image, state, metadata }: VmInfo, term: string): boolean {
  const at = term.indexOf("=");
  if (at > 0) return hasMetadata(metadata, { key: term.slice(0, at), value: term.slice(at + 1) });
  return [id, name, image, state].some((text) => text.toLowerCase().includes(term));
}

function hasMetadata(metadata: Metadata, { key, value }: { key: string; value: string }): boolean {
  return Object.entries(metadata).some(
    ([name, found]) => name.toLowerCase() === key && metadataText(found).toLowerCase().includes(value),
  );
}

/** A value of metadata as a line of text: strings as they are, anything else as JSON. */
export function metadataText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
