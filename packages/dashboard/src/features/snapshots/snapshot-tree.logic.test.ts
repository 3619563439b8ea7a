import type { SnapshotInfo } from "@bandsox/contract";
import { expect, test } from "vitest";
import { snapshotTree } from "./snapshot-tree.logic.ts";

const snapshot = (id: string, createdAt: string, parent?: string) =>
  ({ id, createdAt, parent }) as SnapshotInfo;

test("each snapshot is below the one it came from", () => {
  const rows = snapshotTree([
    snapshot("a", "1"),
    snapshot("b", "2", "a"),
    snapshot("c", "3"),
    snapshot("d", "4", "b"),
  ]);
  expect(rows.map(({ snapshot: { id }, depth }) => [id, depth])).toEqual([
    ["c", 0],
    ["a", 0],
    ["b", 1],
    ["d", 2],
  ]);
});

test("one whose parent is gone is where a tree begins", () => {
  expect(snapshotTree([snapshot("b", "2", "gone")])).toHaveLength(1);
});
