import { createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { SnapshotRecord } from "../../store/snapshot-records.ts";
import type { VmPorts } from "../../vm/vm-ports.ts";
import type { ArchiveOptions } from "./archives.ts";
import { exportSnapshot } from "./export-snapshot.ts";
import { type ImportSnapshotOptions, importSnapshot } from "./import-snapshot.ts";

/**
 * A snapshot's archive, whole and ready to be read. It has no name any more: closing it, or the end of this process,
 * frees its space.
 *
 * @throws {BandSoxError} as `exportSnapshot`
 */
export async function openArchive(
  ports: VmPorts,
  reference: string,
  { signal }: ArchiveOptions,
): Promise<FileHandle> {
  await using staging = await ports.staging.open();
  const file = join(staging.dir, "snapshot.bsx");
  await exportSnapshot(ports, reference, { file, signal });
  return await open(file, "r");
}

/** Takes a snapshot from an archive's bytes. @throws {BandSoxError} as `importSnapshot` */
export async function importBytes(
  ports: VmPorts,
  bytes: AsyncIterable<Uint8Array>,
  options: ImportSnapshotOptions = {},
): Promise<SnapshotRecord> {
  const { signal } = options;
  await using staging = await ports.staging.open();
  const file = join(staging.dir, "snapshot.bsx");
  await pipeline(bytes, createWriteStream(file, { mode: 0o600 }), signal ? { signal } : {});
  return await importSnapshot(ports, file, options);
}
