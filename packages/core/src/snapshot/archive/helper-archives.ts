import { VM_LIMITS } from "@bandsox/contract";
import { BASE_APPARENT_BYTES, LAYER_APPARENT_BYTES } from "../../disk/apparent-size.ts";
import type { StoragePaths } from "../../host/paths.ts";
import { callImageHelper } from "../../image/image-helper.ts";
import { registryAccess } from "../../image/registry-access.ts";
import type { Staging } from "../../store/staging.ts";
import { ARCHIVE_FILES, type ArchiveFile, type ArchivePaths, type SnapshotArchives } from "./archives.ts";

const MEBIBYTE = 1024 ** 2;

/** How large each file of an archive may be, and the size that some must have. */
const SIZES: Readonly<Record<ArchiveFile, { readonly max: number; readonly exact?: number }>> = {
  "snapshot.json": { max: 4 * MEBIBYTE },
  state: { max: 256 * MEBIBYTE },
  memory: { max: VM_LIMITS.memMibMax * MEBIBYTE },
  "layer.ext4": { max: LAYER_APPARENT_BYTES, exact: LAYER_APPARENT_BYTES },
  "base.ext4": { max: BASE_APPARENT_BYTES, exact: BASE_APPARENT_BYTES },
  vmlinux: { max: 1024 * MEBIBYTE },
  initramfs: { max: 1024 * MEBIBYTE },
};

/** What snapshots of one image, and of one kernel, have in common is a layer of its own, which a registry has once. */
const LAYERS: readonly (readonly ArchiveFile[])[] = [
  ["base.ext4"],
  ["vmlinux", "initramfs"],
  ["snapshot.json", "state", "memory", "layer.ext4"],
];

export interface HelperArchivesOptions {
  readonly paths: StoragePaths;
  readonly staging: Staging;
  readonly helperPath: string;
}

/** Archives written and read by the Go helper. */
export function snapshotArchives({ paths, staging, helperPath }: HelperArchivesOptions): SnapshotArchives {
  const call = (
    args: readonly string[],
    { reference, signal, env }: { reference: string; signal?: AbortSignal | undefined; env?: Env },
  ) => callImageHelper({ helperPath, args, reference, signal, env }, "snapshot");
  return {
    pack: async (files, output, { signal }) => {
      await call(["pack", "--output", output, ...sources(files, ARCHIVE_FILES)], {
        reference: output,
        signal,
      });
    },
    unpack: async (input, dir, { signal }) => {
      const args = ["unpack", "--input", input, "--dir", dir, ...wanted()];
      return (await call(args, { reference: input, signal })).digests;
    },
    push: async (files, reference, { signal, ...access }) => {
      await using work = await staging.open();
      const { args, env } = registryAccess(paths, access);
      const layers = LAYERS.flatMap((names, index) => [
        ...(index > 0 ? ["+"] : []),
        ...sources(files, names),
      ]);
      const all = ["push", "--staging", work.dir, ...args, "--", reference, ...layers];
      return (await call(all, { reference, signal, env })).digest ?? "";
    },
    pull: async (reference, dir, { signal, ...access }) => {
      const { args, env } = registryAccess(paths, access);
      const all = ["pull", "--dir", dir, ...args, "--", reference, ...wanted()];
      return (await call(all, { reference, signal, env })).digests;
    },
    digest: async (path, { signal }) =>
      (await call(["digest", path], { reference: path, signal })).digest ?? "",
  };
}

type Env = Readonly<Record<string, string>>;

function sources(files: ArchivePaths, names: readonly ArchiveFile[]): string[] {
  return names.map((name) => `${name}=${files[name]}`);
}

function wanted(): string[] {
  return ARCHIVE_FILES.map((name) => {
    const { max, exact } = SIZES[name];
    return `${name}=${max}${exact === undefined ? "" : `:${exact}`}`;
  });
}
