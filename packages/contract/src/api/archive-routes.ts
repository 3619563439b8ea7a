import { z } from "zod";
import { SnapshotName } from "../snapshot.ts";
import { maybe, Snapshot, SnapshotParams } from "./fields.ts";
import type { ApiRoute } from "./route.ts";

const registry = {
  reference: z.string().min(1).max(4096).meta({ description: "`registry/name:tag`" }),
  creds: maybe(z.string().max(4096)).meta({ description: "`user:password` for that registry" }),
  insecure: maybe(z.array(z.string().max(256)).max(16)).meta({
    description: "Hosts that may be spoken to over plain HTTP",
  }),
};

/**
 * Snapshots on their way out of a storage and into one. Who takes one in runs what somebody else saved, devices
 * included, as the server's own user: that is for administrators.
 */
export const ARCHIVE_ROUTES = {
  "GET /api/snapshots/:id/export": {
    ...about("A snapshot as one file, with the base disk and the kernel it stands on", "exec"),
    ...{ params: SnapshotParams, produces: ["application/octet-stream"] },
  },
  "POST /api/snapshots/import": {
    ...about("Take a snapshot from a file that was exported, here or elsewhere", "admin"),
    query: z.object({ name: SnapshotName.optional() }),
    ...{ consumes: "application/octet-stream", answer: Snapshot },
  },
  "POST /api/snapshots/:id/push": {
    ...about("Store a snapshot in an OCI registry", "admin"),
    ...{ params: SnapshotParams, body: z.object(registry), answer: z.object({ digest: z.string() }) },
  },
  "POST /api/snapshots/pull": {
    ...about("Take a snapshot from an OCI registry", "admin"),
    ...{ body: z.object({ ...registry, name: maybe(SnapshotName) }), answer: Snapshot },
  },
} as const satisfies Record<string, ApiRoute>;

function about<S extends ApiRoute["scope"]>(summary: string, scope: S) {
  return { summary, scope, tag: "Snapshots" } as const;
}
