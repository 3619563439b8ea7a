import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { baseIdentity } from "./base-identity.ts";
import { discardGolden, type GoldenManifest, type GoldenPorts, readGoldenManifest } from "./golden-store.ts";

/** Goldens of images that are kept; beyond, those go that nobody has used for the longest */
const IMAGE_GOLDENS_KEPT = 16;
/** One that was used so recently may be about to be mapped by another process */
const IN_USE_MS = 60_000;

interface Golden {
  readonly key: string;
  readonly usedMs: number;
  readonly manifest: GoldenManifest | undefined;
}

/**
 * Removes goldens that nothing will be created from any more: of a kernel, an agent or an engine that was replaced, of
 * a base disk that is gone, and of images that others have been used more recently than. VMs that run from one keep its
 * pages. Whoever takes a golden calls this, so there are never more than a taking ago.
 *
 * @returns the keys of those removed
 */
export async function pruneGoldens(
  ports: GoldenPorts,
  { now = Date.now(), kept = IMAGE_GOLDENS_KEPT }: { now?: number; kept?: number } = {},
): Promise<string[]> {
  const all = await listGoldens(ports);
  const idle = all.filter(({ usedMs }) => now - usedMs > IN_USE_MS);
  const useless: Golden[] = [];
  for (const golden of idle) if (!(await isUseful(ports, golden))) useless.push(golden);
  const ofImages = all.filter((golden) => golden.manifest?.base && !useless.includes(golden));
  const beyond = ofImages.toSorted((a, b) => b.usedMs - a.usedMs).slice(kept);
  const removed = [...useless, ...beyond.filter((golden) => idle.includes(golden))].map(({ key }) => key);
  for (const key of removed) await discardGolden(ports, key);
  return removed;
}

async function listGoldens({ paths }: GoldenPorts): Promise<Golden[]> {
  const keys = await readdir(paths.goldensDir).catch(() => [] as string[]);
  const found = keys.map(async (key): Promise<Golden | undefined> => {
    const dir = join(paths.goldensDir, key);
    const usedMs = await stat(dir).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined, // gone meanwhile
    );
    return usedMs === undefined ? undefined : { key, usedMs, manifest: await readGoldenManifest(dir) };
  });
  return (await Promise.all(found)).filter((golden) => golden !== undefined);
}

/** Whether a VM created now could go on from it. */
async function isUseful(ports: GoldenPorts, { manifest }: Golden): Promise<boolean> {
  if (!manifest) return false;
  const { vcpu, memMib, base } = manifest;
  if (base && (await baseIdentity(base.path)) !== base.identity) return false;
  try {
    const bootFiles = await ports.bootFiles();
    const engine = ports.engine(manifest.engine);
    return engine.shape({ vcpu, memMib, memoryFile: "", ...bootFiles }) === manifest.shape;
  } catch {
    return true; // what cannot be judged, for want of a kernel or an engine, stays
  }
}
