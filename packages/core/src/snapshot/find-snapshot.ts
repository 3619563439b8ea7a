import { BandSoxError } from "@bandsox/contract";
import type { SnapshotRecord, SnapshotRecords } from "../store/snapshot-records.ts";

const SHOWN_CHARACTERS = 80;
const PREFIX = "snap_";

/**
 * Finds a snapshot by its id, its name, or the start of its id (with or without `snap_`).
 *
 * @throws {BandSoxError} `snapshot_not_found`, `snapshot_ambiguous`
 */
export function findSnapshot(snapshots: SnapshotRecords, reference: string): SnapshotRecord {
  const exact = snapshots.find(reference);
  if (exact) return exact;
  const prefix = reference.startsWith(PREFIX) ? reference : `${PREFIX}${reference}`;
  const matches = prefix === PREFIX ? [] : snapshots.findByPrefix(prefix);
  const [only, ...others] = matches;
  const shown = JSON.stringify(reference.slice(0, SHOWN_CHARACTERS));
  if (!only) {
    const details = { snapshotId: reference.slice(0, SHOWN_CHARACTERS) };
    throw new BandSoxError(
      "snapshot_not_found",
      `there is no snapshot with the id or name ${shown}`,
      details,
    );
  }
  if (others.length === 0) return only;
  const ids = matches.map(({ id }) => id);
  const message = `${shown} is the start of several ids: ${ids.join(", ")}`;
  throw new BandSoxError("snapshot_ambiguous", message, { reference, matches: ids });
}
