import { BandSoxError, FileEntry } from "@bandsox/contract";
import { z } from "zod";
import { FrameError } from "../frames.ts";
import type { FileCall, FileChannel } from "./file-channel.ts";

const PAGE_ENTRIES = 1000;
/** Work on whole trees may take this many spans of waiting: an hour */
const TREE_SPANS = 60;

const Page = z.object({ entries: z.array(FileEntry).max(PAGE_ENTRIES), more: z.boolean() });

/** What the short calls of the files API are asked; each answers with the entry as it is afterwards. */
export interface FileRequests {
  stat: { path: string; follow: boolean };
  mkdir: { path: string; parents: boolean; mode?: number };
  rename: { from: string; to: string; replace: boolean };
  copy: { from: string; to: string; recursive: boolean; replace: boolean };
  chmod: { path: string; mode: number; recursive: boolean };
  chown: { path: string; uid: number; gid: number; recursive: boolean };
  symlink: { path: string; target: string; replace: boolean };
}

const WORDS: Record<keyof FileRequests, { doing: string; spans?: number }> = {
  stat: { doing: "look at" },
  mkdir: { doing: "make the directory" },
  rename: { doing: "rename", spans: TREE_SPANS },
  copy: { doing: "copy", spans: TREE_SPANS },
  chmod: { doing: "change the mode of", spans: TREE_SPANS },
  chown: { doing: "change the owner of", spans: TREE_SPANS },
  symlink: { doing: "make the link" },
};

/** One short call. */
export function fileCall<K extends keyof FileRequests>(
  channel: FileChannel,
  name: K,
  request: FileRequests[K],
  signal?: AbortSignal,
): Promise<FileEntry> {
  const { doing, spans } = WORDS[name];
  const path = "path" in request ? request.path : request.from;
  return channel.json(
    { ...post(name, path, doing, signal), ...(spans ? { spans } : {}) },
    FileEntry,
    request,
  );
}

/** Removes a file, or a directory with all that is in it. */
export async function removeFile(
  channel: FileChannel,
  request: { path: string; recursive: boolean; missingOk: boolean },
  signal?: AbortSignal,
): Promise<void> {
  const call = { ...post("remove", request.path, "remove", signal), spans: TREE_SPANS };
  await channel.json(call, z.object({}), request);
}

/**
 * All of a directory, page by page.
 *
 * @throws {BandSoxError} `too_many_files` beyond `maxEntries`, which also ends a guest that lists for ever
 */
export async function listFiles(
  channel: FileChannel,
  path: string,
  { maxEntries, signal }: { maxEntries: number; signal?: AbortSignal | undefined },
): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  let after: string | undefined;
  for (;;) {
    const limit = Math.min(PAGE_ENTRIES, maxEntries - entries.length + 1);
    const page = await channel.json(post("list", path, "list", signal), Page, { path, after, limit });
    entries.push(...page.entries);
    if (entries.length > maxEntries) {
      const message = `cannot list ${path} in ${channel.vmId}: it has more than ${maxEntries} entries`;
      throw new BandSoxError("too_many_files", message, { path, vmId: channel.vmId, limit: maxEntries });
    }
    if (!page.more) return entries;
    const last = page.entries.at(-1)?.name;
    if (last === undefined || last === after) throw brokenList(channel, path);
    after = last;
  }
}

function brokenList(channel: FileChannel, path: string): BandSoxError {
  const message = `the agent in ${channel.vmId} broke the protocol: its list of ${path} does not go on`;
  const cause = new FrameError("a page is empty or repeats the last name though more is announced");
  return new BandSoxError("guest_protocol", message, { vmId: channel.vmId }, { cause });
}

function post(name: string, path: string, doing: string, signal?: AbortSignal): FileCall {
  return { task: { path, doing }, method: "POST", url: `/v1/files/${name}`, signal };
}
