import type { SnapshotInfo } from "@bandsox/contract";
import { fromWireSnapshot } from "@bandsox/contract/wire";
import { queryOptions } from "@tanstack/react-query";
import { server } from "../../api/server.ts";

/** All snapshots, the newest first. */
export const snapshotsQuery = queryOptions({
  queryKey: ["snapshots"],
  queryFn: async ({ signal }): Promise<SnapshotInfo[]> =>
    (await server.call("GET /api/snapshots", { signal })).map(fromWireSnapshot),
});
