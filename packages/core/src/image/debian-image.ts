import { join } from "node:path";
import { run } from "../host/run.ts";
import type { ImageRecord } from "../store/image-records.ts";
import type { Staging } from "../store/staging.ts";

/** A root file system to be built from the distribution's mirror. */
export interface DebianRecipe {
  /** Code name of the release, e.g. `bookworm` */
  readonly suite: string;
  /** Packages on top of the minimal system */
  readonly include: readonly string[];
  /** The name the image gets in the store */
  readonly reference: string;
  readonly cmd: readonly string[];
}

/** Reads a root file system's tar into the store. */
export interface TarImporter {
  importTar(
    file: string,
    reference: string,
    config: { readonly env: Readonly<Record<string, string>>; readonly cmd: readonly string[] },
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<ImageRecord>;
}

export interface DebianImageOptions {
  readonly images: TarImporter;
  readonly staging: Staging;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds an image with mmdebstrap, for machines that reach a Debian mirror but no registry. Needs no root where
 * user namespaces work.
 *
 * @throws {BandSoxError} `tool_missing`, `tool_failed`, `disk_full`, `interrupted`
 */
export async function buildDebianImage(
  recipe: DebianRecipe,
  options: DebianImageOptions,
): Promise<ImageRecord> {
  await using work = await options.staging.open();
  const tar = join(work.dir, "root.tar");
  await run("mmdebstrap", mmdebstrapArgs(recipe, tar), {
    signal: options.signal,
    env: { TMPDIR: work.dir },
  });
  return await options.images.importTar(
    tar,
    recipe.reference,
    { env: ENVIRONMENT, cmd: recipe.cmd },
    { signal: options.signal },
  );
}

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
const DOCUMENTATION = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*"];

/** Arguments of a minimal system: no documentation, no package lists, no translations. */
export function mmdebstrapArgs({ suite, include }: DebianRecipe, tar: string): string[] {
  const excluded = DOCUMENTATION.map((path) => `--dpkgopt=path-exclude=${path}`);
  return [
    "--quiet",
    "--variant=minbase",
    ...(include.length > 0 ? [`--include=${include.join(",")}`] : []),
    '--aptopt=Acquire::Languages "none"',
    ...excluded,
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    suite,
    tar,
  ];
}
