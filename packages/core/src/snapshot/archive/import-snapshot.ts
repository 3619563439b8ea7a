import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BandSoxError, parseInput, type SnapshotId, SnapshotName } from "@bandsox/contract";
import { snapshotPaths } from "../../host/paths.ts";
import type { RegistryAccess } from "../../image/registry-access.ts";
import { processOwner } from "../../store/ledger.ts";
import type { SnapshotManifest, SnapshotRecord } from "../../store/snapshot-records.ts";
import type { VmPorts } from "../../vm/vm-ports.ts";
import { manifestText } from "../make-whole.ts";
import { blockBytes, occupiedBytes, publishDirectory, storedSnapshot } from "../snapshot-files.ts";
import { invalid, parseArchived } from "./archived-snapshot.ts";
import { ARCHIVE_FILES, type ArchiveOptions } from "./archives.ts";

const MEBIBYTE = 1024 ** 2;

export interface ImportSnapshotOptions extends ArchiveOptions {
  /** Its name here (default: the one it had, or its id when that is taken) */
  readonly name?: string | undefined;
}

type Unpack = (dir: string) => Promise<Readonly<Record<string, string>>>;

/**
 * Takes a snapshot from a file that `exportSnapshot` wrote, here or in another storage. It gets an id of its own. All of
 * it is there when this resolves, or nothing.
 *
 * @throws {BandSoxError} `snapshot_invalid`, `snapshot_name_taken`, `snapshot_incompatible` when the storage has another
 *   base disk of its image, `disk_full`, `interrupted`
 */
export async function importSnapshot(
  ports: VmPorts,
  file: string,
  { signal, ...options }: ImportSnapshotOptions = {},
): Promise<SnapshotRecord> {
  const unpack: Unpack = (dir) => ports.archives.unpack(file, dir, { signal });
  return take(ports, unpack, { reference: file, signal, ...options });
}

/** Takes a snapshot from a registry; see `importSnapshot`. @throws {BandSoxError} also `registry_…`, `image_not_found` */
export async function pullSnapshot(
  ports: VmPorts,
  reference: string,
  { signal, name, ...access }: ImportSnapshotOptions & RegistryAccess = {},
): Promise<SnapshotRecord> {
  const unpack: Unpack = (dir) => ports.archives.pull(reference, dir, { signal, ...access });
  return take(ports, unpack, { reference, signal, name });
}

async function take(
  ports: VmPorts,
  unpack: Unpack,
  { reference, name, signal }: ImportSnapshotOptions & { readonly reference: string },
): Promise<SnapshotRecord> {
  const wanted = name === undefined ? undefined : parseInput(SnapshotName, name, "name");
  if (wanted !== undefined) ports.snapshots.assertNameFree(wanted);
  await using work = await ports.staging.open();
  const staged = snapshotPaths(join(work.dir, "snapshot"));
  await mkdir(staged.dir, { mode: 0o700 });
  const digests = await unpack(staged.dir);
  for (const file of ARCHIVE_FILES)
    if (digests[file] === undefined) throw invalid(reference, `it has no ${file}`);
  const about = join(staged.dir, "snapshot.json");
  const archived = parseArchived(await readFile(about, "utf8"), { paths: ports.paths, reference });
  await assertMemory(staged.memory, archived.manifest, reference);
  await rm(about);
  const id = ports.newSnapshotId();
  const base = join(staged.dir, "base.ext4");
  const manifest = await writeManifest(staged, { id, base, from: archived.manifest });
  const free = archived.name !== undefined && isFree(ports, archived.name) ? archived.name : id;
  const record = { id, name: wanted ?? free, metadata: archived.metadata, manifest };
  const image = {
    ...{ digest: manifest.imageDigest, config: manifest.imageConfig },
    sizeBytes: await blockBytes(base),
  };
  await ports.images.adoptBaseDisk(image, {
    file: base,
    signal,
    isSame: (path) => assertSameBase(ports, { path, digest: digests["base.ext4"], id, signal }),
    settled: async () => {
      await rm(base, { force: true });
      const stored = storedSnapshot(ports.paths, id);
      ports.ledger.record({ owner: processOwner(), kind: "directory", locator: stored.dir });
      await publishDirectory(staged.dir, stored.dir);
      ports.snapshots.insert(record, stored.dir);
    },
  });
  return record;
}

async function writeManifest(
  { dir, manifest }: ReturnType<typeof snapshotPaths>,
  { id, base, from }: { id: SnapshotId; base: string; from: SnapshotManifest },
): Promise<SnapshotManifest> {
  const sizeBytes = (await occupiedBytes(dir)) - (await blockBytes(base));
  const written = { ...from, id, sizeBytes };
  await writeFile(manifest, manifestText(written), { mode: 0o600 });
  return written;
}

async function assertMemory(path: string, { spec }: SnapshotManifest, reference: string): Promise<void> {
  const { size } = await stat(path);
  if (size === spec.memMib * MEBIBYTE) return;
  throw invalid(reference, `its memory has ${size} bytes, its VM ${spec.memMib} MiB`);
}

function isFree({ snapshots }: VmPorts, name: string): boolean {
  try {
    snapshots.assertNameFree(name);
    return true;
  } catch {
    return false; // taken: the answer
  }
}

/** The guest has the disk's file system in its memory: another disk, though of the same files, would not do. */
async function assertSameBase(
  ports: VmPorts,
  { path, digest, id, signal }: { path: string; digest?: string | undefined; id: string } & ArchiveOptions,
): Promise<void> {
  if ((await ports.archives.digest(path, { signal })) === digest) return;
  const reason = "this storage has a base disk of its image that was built differently";
  const message = `cannot take the snapshot: ${reason} (${path}); remove that image first`;
  throw new BandSoxError("snapshot_incompatible", message, { snapshotId: id, reason });
}
