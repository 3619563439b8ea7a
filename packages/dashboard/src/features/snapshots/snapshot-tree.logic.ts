import type { SnapshotInfo } from "@bandsox/contract";

/** A snapshot in its lineage. */
export interface TreeRow {
  readonly snapshot: SnapshotInfo;
  /** How many snapshots it came from, one from the other, are above it */
  readonly depth: number;
}

/** Snapshots as a tree, each below the one its VM had gone on from; siblings with the newest first. */
export function snapshotTree(snapshots: readonly SnapshotInfo[]): TreeRow[] {
  const known = new Set<string>(snapshots.map(({ id }) => id));
  const children = Map.groupBy(snapshots, ({ parent }) => (parent && known.has(parent) ? parent : undefined));
  const rows: TreeRow[] = [];
  const add = (parent: string | undefined, depth: number) => {
    const ofThis = (children.get(parent as never) ?? []).toSorted((a, b) =>
      b.createdAt.localeCompare(a.createdAt),
    );
    for (const snapshot of ofThis) {
      rows.push({ snapshot, depth });
      add(snapshot.id, depth + 1);
    }
  };
  add(undefined, 0);
  return rows;
}
