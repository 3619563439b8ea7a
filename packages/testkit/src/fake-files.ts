import { appendFileSync, writeFileSync } from "node:fs";
import {
  appendFile,
  chmod,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, dirname, join } from "node:path";
import { buffer, json } from "node:stream/consumers";
import { FakeRefusal, FRAMES, framed, framesOf, hashOf } from "./fake-data-frames.ts";
import { frame } from "./fake-duplex.ts";
import { arrivedTree, endTree, type FakeTrees, readTree, writeTree } from "./fake-trees.ts";

/** Answers a request of the files API, or leaves it to another by `false`. */
export type FakeFilesHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/** The guest's file system of a fake agent: a directory of this host, with PROTOCOL.md §7 spoken over it. */
export interface FakeFiles {
  readonly handler: FakeFilesHandler;
  /** Requests as `METHOD /path?query`, in order */
  readonly requests: string[];
  /** Tells a watch's reader of an event; with `undefined` its connection breaks */
  tell(event: object | undefined): void;
  /** Forgets every watch, as a guest that was restarted does */
  forgetWatches(): void;
}

type Answer = (context: Context) => Promise<unknown>;

interface Context {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** A path of the guest on this host */
  readonly at: (path: string | null) => string;
  readonly root: string;
  readonly state: State;
}

interface State {
  readonly watches: Map<string, { events: { cursor: number }[]; readers: Set<ServerResponse> }>;
  readonly trees: FakeTrees;
  next: number;
}

export function fakeFiles(root: string): FakeFiles {
  const state: State = { watches: new Map(), trees: new Map(), next: 1 };
  const requests: string[] = [];
  const handler: FakeFilesHandler = async (request, response) => {
    const url = new URL(request.url ?? "", "http://guest");
    const route = `${request.method} ${url.pathname.replace(/^\/v1\/(watches|archives)\/.*/, "/v1/$1/{id}")}`;
    const answer = ROUTES[route];
    if (!answer) return false;
    requests.push(`${request.method} ${request.url}`);
    const at = (path: string | null) => join(root, path ?? "");
    try {
      const body = await answer({ request, response, query: url.searchParams, at, root, state });
      if (!response.headersSent)
        send(response, request.method === "POST" && route.endsWith("watches") ? 201 : 200, body);
    } catch (error) {
      refuse(response, error);
    }
    return true;
  };
  const tell = (event: object | undefined) => {
    for (const watch of state.watches.values()) {
      if (event === undefined) for (const reader of watch.readers) reader.destroy();
      else {
        watch.events.push(event as { cursor: number });
        for (const reader of watch.readers) reader.write(frame(7, Buffer.from(JSON.stringify(event))));
      }
    }
  };
  return { handler, requests, tell, forgetWatches: () => state.watches.clear() };
}

const ROUTES: Record<string, Answer> = {
  "GET /v1/file": readRange,
  "PUT /v1/file": writeWhole,
  "GET /v1/upload": async ({ query, at }) => ({
    bytes: (await stat(uploadPath(at(query.get("path")), query.get("upload")))).size,
  }),
  "DELETE /v1/upload": async ({ query, at }) => rm(uploadPath(at(query.get("path")), query.get("upload"))),
  "POST /v1/files/stat": async ({ request, root }) => {
    const { path, follow = true } = (await json(request)) as { path: string; follow?: boolean };
    return entry(root, path, follow);
  },
  "POST /v1/files/list": list,
  "POST /v1/files/lines": lines,
  "POST /v1/files/mkdir": async ({ request, at, root }) => {
    const { path, parents, mode } = (await json(request)) as {
      path: string;
      parents?: boolean;
      mode?: number;
    };
    await mkdir(at(path), { recursive: parents === true });
    if (mode !== undefined) await chmod(at(path), mode);
    return entry(root, path);
  },
  "POST /v1/files/remove": async ({ request, at }) => {
    const options = (await json(request)) as { path: string; recursive?: boolean; missingOk?: boolean };
    const found = await lstat(at(options.path)).catch((error) => {
      if (!options.missingOk) throw error;
    });
    const full = found?.isDirectory() && (await readdir(at(options.path))).length > 0;
    if (full && !options.recursive) throw new FakeRefusal(409, "directory_not_empty");
    await rm(at(options.path), { recursive: true, force: true });
    return {};
  },
  "POST /v1/files/rename": (context) => move(context, rename),
  "POST /v1/files/copy": (context) => move(context, (from, to) => cp(from, to, { recursive: true })),
  "POST /v1/files/chmod": async ({ request, at, root }) => {
    const { path, mode } = (await json(request)) as { path: string; mode: number };
    await chmod(at(path), mode);
    return entry(root, path);
  },
  "POST /v1/files/chown": async ({ request, root }) =>
    entry(root, ((await json(request)) as { path: string }).path),
  "POST /v1/files/symlink": async ({ request, at, root }) => {
    const { path, target } = (await json(request)) as { path: string; target: string };
    await symlink(target, at(path));
    return entry(root, path, false);
  },
  "GET /v1/tree": readTree,
  "PUT /v1/tree": writeTree,
  "GET /v1/archives/{id}": arrivedTree,
  "DELETE /v1/archives/{id}": endTree,
  "POST /v1/watches": async ({ request, state }) => {
    await buffer(request);
    const id = `w${state.next++}`;
    state.watches.set(id, { events: [], readers: new Set() });
    return { id, cursor: 0 };
  },
  "GET /v1/watches/{id}": async ({ request, response, query, state }) => {
    const watch = state.watches.get(idOf(request));
    if (!watch) throw new FakeRefusal(404, "watch_not_found");
    response.writeHead(200, FRAMES).flushHeaders();
    for (const event of watch.events.filter(({ cursor }) => cursor > Number(query.get("after"))))
      response.write(frame(7, Buffer.from(JSON.stringify(event))));
    watch.readers.add(response);
    response.on("close", () => watch.readers.delete(response));
  },
  "DELETE /v1/watches/{id}": async ({ request, state }) => {
    state.watches.delete(idOf(request));
    return {};
  },
};

async function readRange({ response, query, at }: Context): Promise<void> {
  const path = at(query.get("path"));
  const found = await stat(path);
  if (found.isDirectory()) throw new FakeRefusal(409, "is_directory");
  const etag = `${found.ino}-${found.mtimeMs}-${found.size}`;
  if (query.has("etag") && query.get("etag") !== etag) throw new FakeRefusal(412, "file_changed");
  const offset = Number(query.get("offset") ?? 0);
  const length = query.has("length") ? Number(query.get("length")) : found.size;
  const data = (await readFile(path)).subarray(offset, offset + length);
  const head = { "x-file-size": found.size, "x-file-etag": etag, "x-file-mode": found.mode & 0o7777 };
  response.writeHead(200, { ...FRAMES, ...head });
  response.end(await framed(data));
}

/** Keeps what a broken transfer brought, as the protocol asks. */
async function writeWhole({ request, query, at, root }: Context): Promise<unknown> {
  const guestPath = query.get("path") ?? "";
  const target = at(guestPath);
  const offset = Number(query.get("offset") ?? 0);
  if (query.has("parents")) await mkdir(dirname(target), { recursive: true });
  const temporary = uploadPath(target, query.get("upload") ?? "anonymous");
  const before = await readFile(temporary).catch(() => Buffer.alloc(0));
  if (before.length < offset) throw new FakeRefusal(409, "offset_wrong");
  writeFileSync(temporary, before.subarray(0, offset));
  let end: { bytes: number; xxh64: string } | undefined;
  for await (const { kind, data } of framesOf(request)) {
    // At once, so that it is there whenever the connection breaks
    if (kind === 5) appendFileSync(temporary, data);
    else end = JSON.parse(data.toString());
  }
  const whole = await readFile(temporary);
  if (end?.bytes !== whole.length || end.xxh64 !== (await hashOf(whole))) {
    await rm(temporary);
    throw new FakeRefusal(422, "checksum_mismatch");
  }
  if (query.has("append")) {
    await appendFile(target, whole);
    await rm(temporary);
  } else await rename(temporary, target);
  if (query.has("mode")) await chmod(target, Number(query.get("mode")));
  return entry(root, guestPath);
}

async function list({ request, at, root }: Context): Promise<unknown> {
  const {
    path,
    after = "",
    limit = 1000,
  } = (await json(request)) as { path: string; after?: string; limit?: number };
  const names = (await readdir(at(path))).sort().filter((name) => after === "" || name > after);
  const entries = await Promise.all(
    names.slice(0, limit).map((name) => entry(root, join(path, name), false)),
  );
  return { entries, more: names.length > limit };
}

async function lines({ request, response, at }: Context): Promise<void> {
  const { path, offset, limit } = (await json(request)) as { path: string; offset: number; limit: number };
  const all = (await readFile(at(path), "utf8")).match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const skipped = Math.min(offset, all.length);
  const taken = all.slice(skipped, limit === 0 ? undefined : skipped + limit).join("");
  response.writeHead(200, { ...FRAMES, "x-lines-skipped": skipped, "x-lines-total": all.length });
  response.end(await framed(Buffer.from(taken)));
}

async function move({ request, at, root }: Context, how: (from: string, to: string) => Promise<void>) {
  const {
    from,
    to,
    replace = true,
  } = (await json(request)) as { from: string; to: string; replace?: boolean };
  const taken = await lstat(at(to)).then(
    () => true,
    () => false,
  );
  if (taken && !replace) throw new FakeRefusal(409, "file_exists");
  await how(at(from), at(to));
  return entry(root, to);
}

async function entry(root: string, path: string, follow = true): Promise<unknown> {
  const at = join(root, path);
  const found = await (follow ? stat : lstat)(at);
  const types = [
    ["directory", found.isDirectory()],
    ["symlink", found.isSymbolicLink()],
    ["fifo", found.isFIFO()],
    ["socket", found.isSocket()],
  ] as const;
  const { size, uid, gid, mtimeMs } = found;
  const target = found.isSymbolicLink() ? { target: await readlink(at) } : {};
  const type = types.find(([, is]) => is)?.[0] ?? "file";
  return {
    name: basename(path) || "/",
    path,
    type,
    size,
    mode: found.mode & 0o7777,
    uid,
    gid,
    mtimeMs,
    ...target,
  };
}

function uploadPath(target: string, upload: string | null): string {
  return join(dirname(target), `.bsx-upload-${upload}`);
}

function idOf(request: IncomingMessage): string {
  return basename(new URL(request.url ?? "", "http://guest").pathname);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body ?? {}));
}

const ERRNO: Record<string, [number, string]> = {
  ENOENT: [404, "file_not_found"],
  EISDIR: [409, "is_directory"],
  ENOTDIR: [409, "not_directory"],
  EEXIST: [409, "file_exists"],
  ENAMETOOLONG: [400, "path_invalid"],
  ELOOP: [400, "path_invalid"],
};

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const { message, code } = error as { message: string; code?: string };
  const [status, name] =
    error instanceof FakeRefusal ? [error.status, error.code] : (ERRNO[code ?? ""] ?? [500, "file_failed"]);
  send(response, status, { code: name, message });
}
