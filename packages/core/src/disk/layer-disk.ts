import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { StoragePaths } from "../host/paths.ts";
import { run } from "../host/run.ts";
import type { Leases } from "../store/leases.ts";
import type { Staging } from "../store/staging.ts";
import { LAYER_APPARENT_BYTES } from "./apparent-size.ts";
import { copyDisk } from "./copy-disk.ts";

export interface LayerDisksOptions {
  readonly paths: StoragePaths;
  readonly leases: Leases;
  readonly staging: Staging;
}

/** Writable disks: sparse copies of an empty file system, formatted once per size. */
export class LayerDisks {
  readonly #options: LayerDisksOptions;

  constructor(options: LayerDisksOptions) {
    this.#options = options;
  }

  /** Writes an empty layer disk of `sizeMib` to `destination`; costs the file system's metadata, not its size. */
  async create(destination: string, sizeMib: number, signal?: AbortSignal): Promise<void> {
    const template = await this.#ensureTemplate(sizeMib, signal);
    await copyDisk(template, destination, signal);
  }

  async #ensureTemplate(sizeMib: number, signal: AbortSignal | undefined): Promise<string> {
    const { paths, leases, staging } = this.#options;
    const path = join(paths.templatesDir, `layer-${sizeMib}.ext4`);
    if (await isThere(path)) return path;
    using _lease = await leases.acquire(`template:${sizeMib}`, signal);
    if (await isThere(path)) return path;
    await mkdir(paths.templatesDir, { recursive: true, mode: 0o711 });
    await using work = await staging.open();
    const file = join(work.dir, "layer.ext4");
    await run("mke2fs", mke2fsArgs(file, sizeMib), { signal });
    await truncate(file, LAYER_APPARENT_BYTES);
    await work.publish(file, path);
    return path;
  }
}

/**
 * Arguments that format an empty layer. Blocks are discarded and tables left lazy so the file stays sparse; no
 * blocks are reserved for root, so that all of the size is the user's.
 */
export function mke2fsArgs(file: string, sizeMib: number): string[] {
  const journalMib = sizeMib >= 1024 ? 16 : 4;
  const extended = "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0";
  return [
    "-q",
    "-F",
    "-t",
    "ext4",
    "-m",
    "0",
    "-b",
    "4096",
    "-J",
    `size=${journalMib}`,
    "-E",
    extended,
    file,
    `${sizeMib}M`,
  ];
}

async function isThere(path: string): Promise<boolean> {
  return open(path, "r").then(
    async (handle) => {
      await handle.close();
      return true;
    },
    () => false,
  );
}

async function truncate(path: string, size: number): Promise<void> {
  await using handle = await open(path, "r+");
  await handle.truncate(size);
}
