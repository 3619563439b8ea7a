import { BandSoxError } from "@bandsox/contract";
import type { VmRecord, VmRecords } from "../store/vm-records.ts";

const SHOWN_CHARACTERS = 80;

/**
 * Finds a VM by its id, its name, or the start of its id (with or without `vm_`).
 *
 * @throws {BandSoxError} `vm_not_found`, `vm_ambiguous`
 */
export function findVm(records: VmRecords, reference: string): VmRecord {
  const exact = records.find(reference) ?? records.findByName(reference);
  if (exact) return exact;
  const prefix = reference.startsWith("vm_") ? reference : `vm_${reference}`;
  const matches = reference === "" || reference === "vm_" ? [] : records.findByPrefix(prefix);
  const [only, ...others] = matches;
  const shown = JSON.stringify(reference.slice(0, SHOWN_CHARACTERS));
  if (!only) {
    throw new BandSoxError("vm_not_found", `there is no VM with the id or name ${shown}`, {
      vmId: reference.slice(0, SHOWN_CHARACTERS),
    });
  }
  if (others.length === 0) return only;
  const ids = matches.map((match) => match.id);
  throw new BandSoxError("vm_ambiguous", `${shown} is the start of several ids: ${ids.join(", ")}`, {
    reference,
    matches: ids,
  });
}
