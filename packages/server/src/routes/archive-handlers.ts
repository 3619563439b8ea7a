import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ARCHIVE_ROUTES, toWireSnapshot } from "@bandsox/contract/api";
import { type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";
import { attachment } from "./attachment.ts";
import { given } from "./given.ts";

/** Snapshots out of the storage and into it. A file is whole, in a temporary directory, before it goes on. */
export function archiveHandlers({ bandsox }: Served): Handlers<keyof typeof ARCHIVE_ROUTES> {
  const { snapshots } = bandsox;
  return {
    "GET /api/snapshots/:id/export": async ({ params, signal }) => {
      await using opening = new AsyncDisposableStack();
      const { id, name } = await snapshots.inspect(params.id);
      const dir = opening.use(await archiveDir());
      await snapshots.export(id, dir.file, { signal });
      const { size } = await stat(dir.file);
      const held = opening.move();
      async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
        await using _held = held;
        yield* createReadStream(dir.file);
      }
      const headers = { "content-disposition": attachment(`${name}.bsx`), "content-length": `${size}` };
      return new Streamed("application/octet-stream", bytes(), headers);
    },
    "POST /api/snapshots/import": async ({ query, bytes, signal }) => {
      await using dir = await archiveDir();
      await pipeline(bytes, createWriteStream(dir.file, { mode: 0o600 }), { signal });
      return toWireSnapshot(await snapshots.import(dir.file, { ...given(query), signal }));
    },
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

/** A directory for one archive, gone when it is disposed of. */
async function archiveDir() {
  const dir = await mkdtemp(join(tmpdir(), "bandsox-archive-"));
  const dispose = () => rm(dir, { recursive: true, force: true });
  return { file: join(dir, "snapshot.bsx"), [Symbol.asyncDispose]: dispose };
}
