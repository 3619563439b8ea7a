import type { SnapshotInfo } from "bandsox";
import { storeCommand } from "../../args/common-options.ts";
import type { CliContext } from "../../context.ts";
import { bytes } from "../../print/bytes.ts";
import { table } from "../../print/table.ts";
import { tell } from "../../print/tell.ts";
import { age } from "../../print/time.ts";

const HEADINGS = ["ID", "NAME", "OF", "IMAGE", "SIZE", "VMS", "AGE"];

/** `bandsox snapshot list`. */
export function snapshotListCommand(context: CliContext) {
  return storeCommand("list")
    .alias("ls")
    .description("list snapshots, the newest first")
    .addHelpText(
      "after",
      "\nExamples:\n  bandsox snapshot list\n  bandsox snapshot list --json | jq '.[].name'",
    )
    .action(async (options) => {
      await using bandsox = await context.openBandSox(options);
      const snapshots = await bandsox.snapshots.list();
      await tell(context, options, {
        json: snapshots,
        text: () => table(context.stdout, HEADINGS, snapshots.map(row)),
        ids: snapshots.map(({ id }) => id),
      });
    });
}

function row({ id, name, vmName, image, sizeBytes, clones, createdAt }: SnapshotInfo) {
  return [id, name, vmName, image, bytes(sizeBytes), `${clones.length}`, age(createdAt, new Date())];
}
