import { spawn } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import { FakeRefusal, FRAMES, framed, framesOf, hashOf } from "./fake-data-frames.ts";

/** What came of archives whose clients may come back, and archives that go, by their ids. */
export type FakeTrees = Map<string, Buffer>;

export interface TreeContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** A path of the guest on this host */
  readonly at: (path: string | null) => string;
  readonly state: { readonly trees: FakeTrees };
}

/** The host's own tar packs and unpacks, so both ends of an archive are never the same program. */
export async function readTree({ request, response, query, at, state }: TreeContext): Promise<void> {
  const id = String(request.headers["x-archive-id"] ?? "");
  const offset = Number(query.get("offset") ?? 0);
  const known = state.trees.get(id);
  if (offset > 0 && id === "") throw new FakeRefusal(400, "bad_request");
  if (offset > 0 && !known) throw new FakeRefusal(404, "file_not_found");
  const data = known ?? (await pack(at, query));
  if (id !== "") state.trees.set(id, data);
  response.writeHead(200, FRAMES).end(await framed(data, offset));
}

async function pack(at: TreeContext["at"], query: URLSearchParams): Promise<Buffer> {
  const path = at(query.get("path"));
  const found = await stat(path);
  const [cwd, name] = found.isDirectory() ? [path, "."] : [dirname(path), basename(path)];
  const excludes = query.getAll("exclude").map((glob) => `--exclude=${glob}`);
  const tar = spawn("tar", ["--format=pax", "-C", cwd, ...excludes, "-cf", "-", name], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  return await buffer(tar.stdout);
}

/** Unpacks an archive when all of it has come; what a broken connection brought is kept. */
export async function writeTree({ request, query, at, state }: TreeContext): Promise<unknown> {
  const id = String(request.headers["x-archive-id"] ?? "");
  if (id === "" && query.has("offset")) throw new FakeRefusal(400, "bad_request");
  let whole = state.trees.get(id) ?? Buffer.alloc(0);
  if (Number(query.get("offset") ?? 0) !== whole.length) throw new FakeRefusal(409, "offset_wrong");
  let end: { bytes: number; xxh64: string } | undefined;
  for await (const { kind, data } of framesOf(request)) {
    if (kind === 6) end = JSON.parse(data.toString());
    else whole = Buffer.concat([whole, data]);
    if (id) state.trees.set(id, whole);
  }
  if (end?.bytes !== whole.length || end.xxh64 !== (await hashOf(whole))) {
    throw new FakeRefusal(422, "checksum_mismatch");
  }
  const path = at(query.get("path"));
  await mkdir(path, { recursive: query.has("parents") }).catch(() => {});
  const tar = spawn("tar", ["-C", path, "-xf", "-"], { stdio: ["pipe", "ignore", "ignore"] });
  tar.stdin.on("error", () => {}); // it says what was wrong by its code
  tar.stdin.end(whole);
  const code = await new Promise((resolve) => tar.once("close", resolve));
  if (code !== 0) throw new FakeRefusal(400, `archive_invalid`);
  return { entries: 1, bytes: whole.length };
}

/** How much of an archive there is. */
export async function arrivedTree({ request, state }: TreeContext): Promise<unknown> {
  const bytes = state.trees.get(idOf(request))?.length;
  if (bytes === undefined) throw new FakeRefusal(404, "file_not_found");
  return { bytes };
}

/** Waits for an archive no longer. */
export async function endTree({ request, state }: TreeContext): Promise<unknown> {
  if (!state.trees.delete(idOf(request))) throw new FakeRefusal(404, "file_not_found");
  return {};
}

function idOf(request: IncomingMessage): string {
  return basename(new URL(request.url ?? "", "http://guest").pathname);
}
