import { BandSoxError, Metadata, SnapshotId, SnapshotName } from "@bandsox/contract";
import { z } from "zod";
import type { StoragePaths } from "../../host/paths.ts";
import { SnapshotManifest } from "../../store/snapshot-records.ts";

/** `snapshot.json`: all that an archive says of its snapshot. */
export const ArchivedSnapshot = z.object({
  format: z.literal(1),
  /** One that was given no name has its id, which means nothing here */
  name: SnapshotName.or(SnapshotId.transform(() => undefined)),
  metadata: Metadata,
  manifest: SnapshotManifest.extend({
    imageDigest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    kind: z.literal("whole").default("whole"),
    bootFiles: z.object({ vmlinuxPath: z.string(), initramfsPath: z.string() }),
  }),
});
export type ArchivedSnapshot = z.infer<typeof ArchivedSnapshot>;

const KERNEL = /^[0-9a-z]{1,80}$/;
const BOOT_FILE = /^[0-9a-z][0-9a-z.-]{0,80}$/;

/**
 * Reads `snapshot.json` of an archive. Of its boot files' paths the two names are taken that say what is in them, and
 * placed in this storage; no path of the archive is ever opened.
 *
 * @throws {BandSoxError} `snapshot_invalid`
 */
export function parseArchived(
  text: string,
  { paths, reference }: { paths: StoragePaths; reference: string },
) {
  const archived = parsed(text, reference);
  const { vmlinuxPath, initramfsPath } = archived.manifest.bootFiles;
  const bootFiles = {
    vmlinuxPath: placed(vmlinuxPath, { paths, reference }),
    initramfsPath: placed(initramfsPath, { paths, reference }),
  };
  return { ...archived, manifest: { ...archived.manifest, bootFiles } };
}

function parsed(text: string, reference: string): ArchivedSnapshot {
  try {
    return ArchivedSnapshot.parse(JSON.parse(text));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    throw invalid(reference, issue ? `its ${issue.path.join(".")}: ${issue.message}` : "it is not JSON");
  }
}

function placed(path: string, { paths, reference }: { paths: StoragePaths; reference: string }): string {
  const [file = "", kernel = ""] = path.split("/").reverse();
  if (KERNEL.test(kernel) && BOOT_FILE.test(file)) return `${paths.kernelDir}/${kernel}/${file}`;
  throw invalid(reference, "its boot files have names that no kernel of ours has");
}

/** An archive that is no snapshot of ours. */
export function invalid(reference: string, why: string): BandSoxError {
  const message = `cannot read the snapshot ${reference}: ${why}`;
  return new BandSoxError("snapshot_invalid", message, { reference });
}
