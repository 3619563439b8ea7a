import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { WriteEntry } from "tar";
import { hostFileError } from "./file-errors.ts";
import { type TreeFilter, treeDecider } from "./glob.ts";

/** Two empty blocks end a tar */
const END_BYTES = 1024;

/**
 * A tar of what lies below a directory of this host, as it streams. Links stay links; fifos, sockets and devices are
 * left out. Owners are kept as numbers; whether they count is for whoever unpacks it.
 *
 * @throws {BandSoxError} `file_not_found`, `not_directory`, `permission_denied`, `file_changed`
 */
export async function* packTree(
  root: string,
  filter: TreeFilter = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  await demandDirectory(root);
  const linkCache = new Map();
  try {
    for await (const path of pathsBelow(root, filter)) {
      const options = { cwd: root, preservePaths: true, strict: true, linkCache };
      // A leading `./` is what every other tar has, too.
      for await (const chunk of new WriteEntry(`./${path}`, options)) yield chunk as Buffer;
    }
  } catch (error) {
    throw sourceError(error, root);
  }
  yield Buffer.alloc(END_BYTES);
}

/** The paths to be packed, a directory before what is in it, names in order. */
export async function* pathsBelow(
  root: string,
  filter: TreeFilter = {},
): AsyncGenerator<string, void, undefined> {
  const decide = treeDecider(filter);
  const parents: string[] = [];
  async function* walk(directory: string, included: boolean): AsyncGenerator<string, void, undefined> {
    const entries = await Array.fromAsync(await opendir(join(root, directory)));
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      const decision = decide(path);
      if (decision.excluded) continue;
      const taken = included || decision.included;
      if (!entry.isDirectory() && !(taken && (entry.isFile() || entry.isSymbolicLink()))) continue;
      // Of a directory that is not itself taken only what leads to something taken is packed.
      if (taken) yield* parents.splice(0);
      if (taken) yield path;
      if (!entry.isDirectory()) continue;
      if (!taken) parents.push(path);
      yield* walk(path, taken);
      if (parents.at(-1) === path) parents.pop();
    }
  }
  yield* walk("", false);
}

async function demandDirectory(path: string): Promise<void> {
  const found = await lstat(join(path, ".")).catch((error) => {
    throw hostFileError(error, "read", path);
  });
  if (found.isDirectory()) return;
  throw new BandSoxError("not_directory", `cannot send ${path} as a tree: it is no directory`, { path });
}

function sourceError(error: unknown, root: string): unknown {
  const ours = hostFileError(error, "read", root);
  if (ours !== error || !(error instanceof Error) || !("code" in error) || error.code !== "EOF") return ours;
  return new BandSoxError("file_changed", `cannot send ${root}: a file in it was cut meanwhile`, {
    path: root,
  });
}
