import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { arch } from "node:process";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { BandSoxError } from "@bandsox/contract";
import { z } from "zod";
import { defaultBinDir, storagePaths } from "../host/paths.ts";
import { isAlive, ownIdentity } from "../host/process-identity.ts";
import { removeTree } from "../host/remove-tree.ts";

const MANIFEST = "manifest.json";
const UNPACKING = ".unpacking-";
/** Those of a few versions stay: processes of an older one, which are still running, go on to use theirs */
const KEPT_MAX = 3;

/** What the archive holds, one after the other. */
const Manifest = z.object({
  files: z.array(
    z.object({
      name: z.string().regex(/^bandsox-[a-z]+$/),
      sha256: z.string(),
      bytes: z.int().positive(),
    }),
  ),
});
type Manifest = z.infer<typeof Manifest>;

/** Where an installed package has the Go helpers of this machine, packed; a repository has none. */
export function packedHelpersDir(): string | undefined {
  const dir = resolve(import.meta.dirname, `../helpers/linux-${arch}`);
  return existsSync(join(dir, MANIFEST)) ? dir : undefined;
}

/**
 * The directory of the Go helpers: the one `BANDSOX_BIN_DIR` names, else the repository's build, else the package's,
 * which are unpacked into the storage when they are not yet.
 *
 * @throws {BandSoxError} `checksum_mismatch` when the package is damaged, `storage_unavailable` when nothing can be
 *   written there
 */
export async function provideHelpers(
  storageDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const packed = env.BANDSOX_BIN_DIR === undefined ? packedHelpersDir() : undefined;
  return packed === undefined
    ? defaultBinDir(env)
    : unpackHelpers(packed, storagePaths(storageDir).helpersDir);
}

/** Unpacks helpers to a directory of their own below `into`, named by what they are; it is there whole or not at all. */
export async function unpackHelpers(packed: string, into: string): Promise<string> {
  const text = await readFile(join(packed, MANIFEST), "utf8");
  const target = join(into, sha256(text).slice(0, 16));
  if (existsSync(target)) return target;
  const { files } = Manifest.parse(JSON.parse(text));
  try {
    await mkdir(into, { recursive: true });
    await removeDead(into);
    await using staging = await openStaging(into);
    const staged = staging.path;
    for (const { name, content } of await unpacked(join(packed, "helpers.zst"), files))
      await writeFile(join(staged, name), content, { mode: 0o755, flush: true });
    await rename(staged, target).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(target)) throw error; // otherwise another process was first, with the same files
    });
    await removeOld(into, target);
  } catch (error) {
    throw unusable(error, into);
  }
  return target;
}

/** A directory whose name tells whose it is. */
async function openStaging(into: string): Promise<{ path: string } & AsyncDisposable> {
  const { pid, startTime } = ownIdentity();
  const path = await mkdtemp(join(into, `${UNPACKING}${pid}-${startTime}-`));
  return { path, [Symbol.asyncDispose]: () => removeTree(path) };
}

async function unpacked(path: string, files: Manifest["files"]) {
  const maxOutputLength = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const all = await promisify(zstdDecompress)(await readFile(path), { maxOutputLength }).catch(
    () => Buffer.alloc(0), // which is not what was promised either
  );
  let start = 0;
  return files.map(({ name, sha256: expected, bytes }) => {
    const content = all.subarray(start, start + bytes);
    start += bytes;
    const found = sha256(content);
    if (found === expected) return { name, content };
    const message = `${path} is damaged: ${name} is not what the package promises`;
    throw new BandSoxError("checksum_mismatch", message, { source: path, expected, found });
  });
}

/** What processes that died while unpacking have left. */
async function removeDead(into: string): Promise<void> {
  for (const name of await readdir(into)) {
    const [, pid, startTime] = /^\.unpacking-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || startTime === undefined) continue;
    const owner = { pid: Number(pid), startTime, bootId: ownIdentity().bootId };
    if (!isAlive(owner)) await removeTree(join(into, name));
  }
}

async function removeOld(into: string, newest: string): Promise<void> {
  const dirs = (await readdir(into)).filter((name) => !name.startsWith("."));
  const dated = await Promise.all(
    // One that another process has just removed counts as the oldest.
    dirs.map(async (name) => {
      const found = await stat(join(into, name)).catch(() => undefined);
      return { path: join(into, name), at: found?.mtimeMs ?? 0 };
    }),
  );
  const old = dated.filter(({ path }) => path !== newest).sort((a, b) => b.at - a.at);
  for (const { path } of old.slice(KEPT_MAX - 1)) await removeTree(path);
}

function unusable(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof BandSoxError || code === undefined) return error;
  const message = `cannot unpack BandSox's helper programs into ${path}: ${(error as Error).message}`;
  if (code === "ENOSPC") return new BandSoxError("disk_full", message, { path }, { cause: error });
  return new BandSoxError("storage_unavailable", message, { path }, { cause: error });
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
