import { z } from "zod";
import { SnapshotName } from "../snapshot.ts";
import { VmName } from "../vm-id.ts";
import { Metadata } from "../vm-spec.ts";
import { cloneFields } from "./clone-fields.ts";
import { maybe, Snapshot, SnapshotDetails, SnapshotParams, Switch, Vm } from "./fields.ts";
import type { ApiRoute } from "./route.ts";

/** Snapshots. */
export const SNAPSHOT_ROUTES = {
  "GET /api/snapshots": { ...about("List snapshots, the newest first", "read"), answer: z.array(Snapshot) },
  "GET /api/snapshots/:id": {
    ...about(
      "One snapshot, with what its parts occupy, what it goes back to, and whether VMs can go on from it here",
      "read",
    ),
    ...{ params: SnapshotParams, answer: SnapshotDetails },
  },
  "POST /api/snapshots/:id/restore": {
    ...about("Make a VM that goes on where the snapshot was taken", "exec"),
    params: SnapshotParams,
    body: z.object({ name: maybe(VmName), ...cloneFields }).nullish(),
    answer: z.object({ id: z.string(), status: z.string(), vm: Vm }),
    idempotent: true,
  },
  "DELETE /api/snapshots/:id": {
    ...about("Delete a snapshot; with `force` also while VMs go on from it", "exec"),
    ...{ params: SnapshotParams, query: z.object({ force: Switch.optional() }) },
    answer: z.object({ status: z.string() }),
  },
  "PUT /api/snapshots/:id/metadata": {
    ...about("Replace a snapshot's metadata", "exec"),
    ...{ params: SnapshotParams, body: z.object({ metadata: Metadata }), answer: Snapshot },
  },
  "PUT /api/snapshots/:id/name": {
    ...about("Rename a snapshot", "exec"),
    ...{ params: SnapshotParams, body: z.object({ name: SnapshotName }) },
    answer: z.object({ status: z.string(), name: z.string() }),
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Snapshots" } as const;
}
