import type { RegistryAccess } from "../../image/registry-access.ts";

/** The files a snapshot consists of outside its storage, by the names they have in an archive. */
export const ARCHIVE_FILES = [
  "snapshot.json",
  "state",
  "memory",
  "layer.ext4",
  "base.ext4",
  "vmlinux",
  "initramfs",
] as const;
export type ArchiveFile = (typeof ARCHIVE_FILES)[number];

/** Where each file of an archive is, or shall be. */
export type ArchivePaths = Readonly<Record<ArchiveFile, string>>;

export interface ArchiveOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How snapshots leave a storage and enter one: as one file, or as an artifact of a registry. */
export interface SnapshotArchives {
  /** Writes an archive, which must not exist. @throws {BandSoxError} `disk_full`, `interrupted` */
  pack(files: ArchivePaths, output: string, options: ArchiveOptions): Promise<void>;
  /**
   * Writes an archive's files into an empty directory, by the names of `ARCHIVE_FILES`; nothing else in it is believed.
   *
   * @returns the digests of the files
   * @throws {BandSoxError} `snapshot_invalid`, `disk_full`, `interrupted`
   */
  unpack(input: string, dir: string, options: ArchiveOptions): Promise<Readonly<Record<string, string>>>;
  /** @returns the artifact's digest. @throws {BandSoxError} `registry_…`, `disk_full`, `interrupted` */
  push(files: ArchivePaths, reference: string, options: ArchiveOptions & RegistryAccess): Promise<string>;
  /** As `unpack`, from a registry. @throws {BandSoxError} also `registry_…`, `image_not_found` */
  pull(
    reference: string,
    dir: string,
    options: ArchiveOptions & RegistryAccess,
  ): Promise<Readonly<Record<string, string>>>;
  /** The digest that a file has, or would have, in an archive. */
  digest(path: string, options: ArchiveOptions): Promise<string>;
}
