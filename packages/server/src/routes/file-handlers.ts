import { BandSoxError, type FileEntry } from "@bandsox/contract";
import { type FILE_ROUTES, toWire } from "@bandsox/contract/api";
import type { Call, Handlers } from "../route.ts";
import { type Served, withFiles } from "../served.ts";
import { given } from "./given.ts";
import { readTextFile } from "./read-text-file.ts";
import { transferHandlers } from "./transfer-handlers.ts";

const READ_MAX_BYTES = 256 * 1024 * 1024;

type FileKey = keyof typeof FILE_ROUTES;
type Some = Partial<Handlers<FileKey>>;

/** Files in a VM. */
export function fileHandlers(served: Served): Handlers<FileKey> {
  return { ...seeing(served), ...writing(served), ...changing(served), ...transferHandlers(served) };
}

function seeing(served: Served) {
  const { bandsox } = served;
  return {
    "GET /api/vms/:id/files": async ({ params, query, signal }) => {
      const vm = await bandsox.getVm(params.id);
      const entries = await withFiles(served, vm, {
        online: (files) => files.list(query.path, { signal }),
        offline: (files) => files.list(query.path),
      });
      return { path: query.path, files: entries.map(toListed) };
    },
    "GET /api/vms/:id/file-info": async ({ params, query, signal }) => {
      const vm = await bandsox.getVm(params.id);
      const entry = await withFiles(served, vm, {
        online: (files) => files.stat(query.path, { ...given({ follow: query.follow }), signal }),
        offline: (files) => files.stat(query.path),
      });
      return { path: query.path, info: { ...toWire(entry as FileEntry), mtime: entry.mtimeMs / 1000 } };
    },
    "GET /api/vms/:id/read-file": async (call) => ({
      path: call.query.path,
      content: await readTextFile(served, call),
    }),
  } satisfies Some;
}

function toListed(entry: Omit<FileEntry, "target"> & { readonly target?: string | undefined }) {
  return {
    ...toWire(entry as FileEntry),
    ...{ is_dir: entry.type === "directory", is_file: entry.type === "file", mtime: entry.mtimeMs / 1000 },
  };
}

function writing({ bandsox }: Served) {
  const write = async ({ params, body, signal }: Call<"POST /api/vms/:id/append-file">, append: boolean) => {
    const { files } = await bandsox.getVm(params.id);
    const bytes = contentOf(body);
    await (append ? files.append(body.path, bytes, { signal }) : files.write(body.path, bytes, { signal }));
    return { status: append ? "appended" : "written", path: body.path };
  };
  return {
    "POST /api/vms/:id/write-file": (call) => write(call, call.body.append ?? false),
    "POST /api/vms/:id/append-file": (call) => write(call, true),
  } satisfies Some;
}

function contentOf({ content, encoding }: { content: string; encoding?: "utf-8" | "base64" | undefined }) {
  const bytes = encoding === "base64" ? decodeBase64(content) : Buffer.from(content);
  if (bytes.length <= READ_MAX_BYTES) return bytes;
  const message = `cannot write ${bytes.length} bytes in one body: at most ${READ_MAX_BYTES} are taken`;
  throw new BandSoxError("body_too_large", message, { limitBytes: READ_MAX_BYTES });
}

/** Node's own decoder leaves out what is no base64. */
function decodeBase64(text: string): Buffer {
  const compact = text.replace(/[\r\n]/g, "");
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 === 0)
    return Buffer.from(compact, "base64");
  throw new BandSoxError("body_invalid", "cannot read the content: it is no base64", {});
}

function changing({ bandsox }: Served) {
  const filesOf = async ({ params }: { params: { id: string } }) => (await bandsox.getVm(params.id)).files;
  return {
    "POST /api/vms/:id/files/mkdir": async (call) => {
      const { path, ...options } = call.body;
      return toWire(await (await filesOf(call)).mkdir(path, { ...given(options), signal: call.signal }));
    },
    "POST /api/vms/:id/files/remove": async (call) => {
      const { path, recursive, missing_ok: missingOk } = call.body;
      const options = { ...given({ recursive, missingOk }), signal: call.signal };
      await (await filesOf(call)).remove(path, options);
      return { status: "removed" };
    },
    "POST /api/vms/:id/files/rename": async (call) => {
      const { from, to, ...options } = call.body;
      return toWire(await (await filesOf(call)).rename(from, to, { ...given(options), signal: call.signal }));
    },
    "POST /api/vms/:id/files/copy": async (call) => {
      const { from, to, ...options } = call.body;
      return toWire(await (await filesOf(call)).copy(from, to, { ...given(options), signal: call.signal }));
    },
    "POST /api/vms/:id/files/chmod": async (call) => {
      const { path, mode, ...options } = call.body;
      return toWire(
        await (await filesOf(call)).chmod(path, mode, { ...given(options), signal: call.signal }),
      );
    },
    "POST /api/vms/:id/files/chown": async (call) => {
      const { path, uid, gid, ...options } = call.body;
      const chosen = { ...given(options), signal: call.signal };
      return toWire(await (await filesOf(call)).chown(path, given({ uid, gid }), chosen));
    },
    "POST /api/vms/:id/files/symlink": async (call) => {
      const { target, path, ...options } = call.body;
      return toWire(
        await (await filesOf(call)).symlink(target, path, { ...given(options), signal: call.signal }),
      );
    },
  } satisfies Some;
}
