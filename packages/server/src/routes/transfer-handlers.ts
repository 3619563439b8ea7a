import { type FILE_ROUTES, toWire } from "@bandsox/contract/api";
import { type Handlers, Streamed } from "../route.ts";
import type { Served } from "../served.ts";
import { attachment } from "./attachment.ts";
import { begun } from "./begun.ts";
import { given } from "./given.ts";
import { openFile } from "./open-file.ts";
import { uploadForm } from "./upload-form.ts";

const BYTES = "application/octet-stream";

/** Bytes into and out of a VM; none of it is held whole. */
export function transferHandlers(served: Served) {
  const { bandsox } = served;
  return {
    "POST /api/vms/:id/upload": uploadForm(served),
    "GET /api/vms/:id/download": async ({ params, query, signal }) => {
      const { size, bytes } = await openFile(served, { vm: params.id, path: query.path, signal });
      const name = { "content-disposition": attachment(query.path), "content-length": `${size}` };
      return new Streamed(BYTES, bytes, name);
    },
    "GET /api/vms/:id/file": async ({ params, query, signal }) => {
      const { path, ...range } = query;
      const { size, bytes } = await openFile(served, { vm: params.id, path, ...given(range), signal });
      return new Streamed(BYTES, bytes, { "content-length": `${size}` });
    },
    "PUT /api/vms/:id/file": async ({ params, query, bytes, signal }) => {
      const { path, append, ...place } = query;
      const { files } = await bandsox.getVm(params.id);
      const options = { ...given(place), signal };
      return toWire(await (append ? files.append(path, bytes, options) : files.write(path, bytes, options)));
    },
    "GET /api/vms/:id/tree": async ({ params, query, signal }) => {
      const { files } = await bandsox.getVm(params.id);
      const filter = given({ include: globs(query.include), exclude: globs(query.exclude) });
      const tar = files.archive(query.path, { ...filter, signal });
      return new Streamed("application/x-tar", await begun(tar));
    },
    "PUT /api/vms/:id/tree": async ({ params, query, bytes, signal }) => {
      const { path, keep_owner: keepOwner, ...rest } = query;
      const { files } = await bandsox.getVm(params.id);
      const {
        entries,
        bytes: size,
        skipped,
      } = await files.extract(path, bytes, {
        ...given({ ...rest, keepOwner }),
        signal,
      });
      return { entries, bytes: size, skipped: [...skipped] };
    },
  } satisfies Partial<Handlers<keyof typeof FILE_ROUTES>>;
}

function globs(text: string | undefined): string[] | undefined {
  return text?.split(",").filter((glob) => glob !== "");
}
