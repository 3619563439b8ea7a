import { type SNAPSHOT_ROUTES, toWireSnapshot, toWireVm } from "@bandsox/contract/api";
import type { Handlers } from "../route.ts";
import type { Served } from "../served.ts";
import { cloneOptions } from "./clone-options.ts";
import { given } from "./given.ts";

/** Snapshots. */
export function snapshotHandlers({
  bandsox,
  admission,
  metrics,
}: Served): Handlers<keyof typeof SNAPSHOT_ROUTES> {
  const { snapshots } = bandsox;
  return {
    "GET /api/snapshots": async () => (await snapshots.list()).map(toWireSnapshot),
    "GET /api/snapshots/:id": async ({ params }) => toWireSnapshot(await snapshots.inspect(params.id)),
    "POST /api/snapshots/:id/restore": async ({ params, body, signal, request }) => {
      const { name, ...changes } = body ?? {};
      const { memMib } = await snapshots.inspect(params.id);
      const onStage = (stage: string, durationMs: number) => metrics.stage("restore", stage, durationMs);
      const options = { ...given({ name }), ...cloneOptions(changes, request.identity), onStage, signal };
      const asked = { memMib, identity: request.identity };
      const vm = await admission.admit(asked, () => snapshots.restore(params.id, options));
      return { id: vm.id, status: "restored", vm: toWireVm(await vm.info()) };
    },
    "DELETE /api/snapshots/:id": async ({ params, query, signal }) => {
      await snapshots.delete(params.id, { force: query.force ?? false, signal });
      return { status: "deleted" };
    },
    "PUT /api/snapshots/:id/metadata": async ({ params, body }) =>
      toWireSnapshot(await snapshots.setMetadata(params.id, body.metadata)),
    "PUT /api/snapshots/:id/name": async ({ params, body }) => ({
      status: "renamed",
      name: (await snapshots.rename(params.id, body.name)).name,
    }),
  };
}
