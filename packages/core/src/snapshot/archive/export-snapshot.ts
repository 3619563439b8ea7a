import { link, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { BandSoxError } from "@bandsox/contract";
import { nanoid } from "nanoid";
import type { RegistryAccess } from "../../image/registry-access.ts";
import type { SnapshotRecord } from "../../store/snapshot-records.ts";
import type { VmPorts } from "../../vm/vm-ports.ts";
import { findSnapshot } from "../find-snapshot.ts";
import { lockSnapshot } from "../lock-snapshot.ts";
import { makeWhole } from "../make-whole.ts";
import { storedSnapshot } from "../snapshot-files.ts";
import type { ArchiveOptions, ArchivePaths } from "./archives.ts";

/**
 * Writes a snapshot, with the base disk and the kernel it stands on, into one file. The file appears under its name
 * when it is whole.
 *
 * @throws {BandSoxError} `snapshot_not_found`, `snapshot_damaged`, `invalid_argument` when the file exists, `disk_full`,
 *   `interrupted`
 */
export async function exportSnapshot(
  ports: VmPorts,
  reference: string,
  { file, signal }: ArchiveOptions & { readonly file: string },
): Promise<void> {
  const target = resolve(file);
  await withFiles(ports, reference, signal, async (files) => {
    const partial = join(dirname(target), `.${basename(target)}.${nanoid(8)}`);
    try {
      await ports.archives.pack(files, partial, { signal });
      await link(partial, target); // unlike a rename it replaces nothing
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "EEXIST" ? alreadyThere(target) : error;
    } finally {
      await rm(partial, { force: true });
    }
  });
}

/**
 * Stores a snapshot, with the base disk and the kernel it stands on, in a registry. What the registry has already is
 * not sent again.
 *
 * @returns the artifact's digest
 * @throws {BandSoxError} `snapshot_not_found`, `snapshot_damaged`, `registry_…`, `disk_full`, `interrupted`
 */
export async function pushSnapshot(
  ports: VmPorts,
  reference: string,
  { target, signal, ...access }: ArchiveOptions & RegistryAccess & { readonly target: string },
): Promise<string> {
  return withFiles(ports, reference, signal, (files) =>
    ports.archives.push(files, target, { signal, ...access }),
  );
}

async function withFiles<T>(
  ports: VmPorts,
  reference: string,
  signal: AbortSignal | undefined,
  work: (files: ArchivePaths) => Promise<T>,
): Promise<T> {
  const { id } = findSnapshot(ports.snapshots, reference);
  using _lock = await lockSnapshot(ports, id, signal);
  const snapshot = await makeWhole(ports, findSnapshot(ports.snapshots, id), signal);
  await using staging = await ports.staging.open();
  const about = join(staging.dir, "snapshot.json");
  await writeFile(about, aboutOf(snapshot), { mode: 0o600 });
  const { memory, state, layerDisk, vmlinux, initramfs } = storedSnapshot(ports.paths, id);
  const base = await ports.images.ensureBaseDisk(snapshot.manifest.imageDigest, { signal });
  return await work({
    ...{ "snapshot.json": about, state, memory, "layer.ext4": layerDisk },
    ...{ "base.ext4": base, vmlinux, initramfs },
  });
}

function aboutOf({ name, metadata, manifest }: SnapshotRecord): string {
  return `${JSON.stringify({ format: 1, name, metadata, manifest }, null, 2)}\n`;
}

function alreadyThere(path: string): BandSoxError {
  const message = `cannot export to ${path}: there is a file of that name`;
  return new BandSoxError("invalid_argument", message, { field: "file", found: path });
}
