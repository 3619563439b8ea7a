import { type ARCHIVE_ROUTES, toWireSnapshot } from "@bandsox/contract/api";
import { type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";
import { attachment } from "./attachment.ts";
import { begun } from "./begun.ts";
import { given } from "./given.ts";

/** Snapshots out of the storage and into it. */
export function archiveHandlers({ bandsox }: Served): Handlers<keyof typeof ARCHIVE_ROUTES> {
  const { snapshots } = bandsox;
  return {
    "GET /api/snapshots/:id/export": async ({ params, signal }) => {
      const { id, name } = await snapshots.inspect(params.id);
      const bytes = await begun(snapshots.exportStream(id, { signal }));
      const headers = { "content-disposition": attachment(`${name}.bsx`) };
      return new Streamed("application/octet-stream", bytes, headers);
    },
    "POST /api/snapshots/import": async ({ query, bytes, signal }) =>
      toWireSnapshot(await snapshots.importStream(bytes, { ...given(query), signal })),
    "POST /api/snapshots/:id/push": async ({ params, body, signal }) => {
      const { reference, ...access } = body;
      return snapshots.push(params.id, reference, { ...given(access), signal });
    },
    "POST /api/snapshots/pull": async ({ body, signal }) => {
      const { reference, ...options } = body;
      return toWireSnapshot(await snapshots.pull(reference, { ...given(options), signal }));
    },
  };
}
