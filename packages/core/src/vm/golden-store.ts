import { mkdir, open, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { SavedMachine } from "../engine/engine.ts";
import { removeTree } from "../host/remove-tree.ts";
import type { VmPorts } from "./vm-ports.ts";

/** Ports that goldens need. */
export type GoldenPorts = Pick<
  VmPorts,
  "paths" | "leases" | "ledger" | "staging" | "warn" | "engine" | "bootFiles"
>;

/** A golden's machine; one of an image has the layer disk its guest has mounted. */
export interface SavedGolden extends SavedMachine {
  readonly layerDisk: string;
}

/** What a golden was taken of: whether it can still be of use is decided by this. */
export const GoldenManifest = z.object({
  format: z.literal(1),
  engine: z.string(),
  /** The key of the machine itself, whatever disks it has mounted */
  shape: z.string(),
  vcpu: z.int(),
  memMib: z.int(),
  /** Of a golden of an image: the base disk that its guest has mounted */
  base: z.object({ path: z.string(), identity: z.string() }).optional(),
});
export type GoldenManifest = z.infer<typeof GoldenManifest>;

/** The files of a golden in its directory. */
export function goldenFiles(dir: string) {
  return {
    dir,
    memory: join(dir, "memory"),
    state: join(dir, "state"),
    layerDisk: join(dir, "layer.ext4"),
    manifest: join(dir, "golden.json"),
  } as const;
}

export function goldenDir({ paths }: Pick<GoldenPorts, "paths">, key: string): string {
  return join(paths.goldensDir, key);
}

/**
 * A golden by its key. A directory appears, and goes, by one rename, so what is in it is whole. Finding one says that it
 * is in use: `pruneGoldens` leaves it alone for a while.
 */
export async function findGolden(
  ports: Pick<GoldenPorts, "paths">,
  key: string,
): Promise<SavedGolden | undefined> {
  const files = goldenFiles(goldenDir(ports, key));
  const now = new Date();
  const whole = await stat(files.state)
    .then(() => utimes(files.dir, now, now))
    .then(
      () => true,
      () => false,
    );
  return whole ? files : undefined;
}

/** Gives a finished golden its place, after all in it is on the disk. */
export async function publishGolden(
  ports: Pick<GoldenPorts, "paths">,
  { key, from, manifest }: { key: string; from: string; manifest: GoldenManifest },
): Promise<SavedGolden> {
  const files = goldenFiles(from);
  await writeFile(files.manifest, `${JSON.stringify(manifest)}\n`, { mode: 0o600 });
  for (const path of [files.memory, files.state, files.manifest]) await sync(path);
  if (manifest.base) await sync(files.layerDisk);
  const dir = goldenDir(ports, key);
  await mkdir(dirname(dir), { recursive: true, mode: 0o700 });
  await removeTree(dir); // one without a state, of before this format
  await rename(from, dir);
  await sync(dirname(dir));
  return goldenFiles(dir);
}

/** Makes a golden unfindable at once; machines that run from it keep its pages. */
export async function discardGolden(
  ports: Pick<GoldenPorts, "paths" | "staging">,
  key: string,
): Promise<void> {
  await using work = await ports.staging.open();
  await rename(goldenDir(ports, key), join(work.dir, "golden")).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error; // somebody else was first
  });
}

/** What a golden was taken of; `undefined` when it does not say, or is gone. */
export async function readGoldenManifest(dir: string): Promise<GoldenManifest | undefined> {
  try {
    return GoldenManifest.safeParse(JSON.parse(await readFile(goldenFiles(dir).manifest, "utf8"))).data;
  } catch {
    return undefined; // no manifest, or none of ours: the same answer
  }
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}
