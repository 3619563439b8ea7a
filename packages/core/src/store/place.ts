import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { transaction } from "./database.ts";
import { processOwner } from "./ledger.ts";

/** What became of a storage since it was opened last: `copied` also when it was brought back from a backup. */
export type Whereabouts = "here" | "moved" | "copied";

/** A process that is no more, as the owner of what a copy holds of the original's processes */
const NOBODY = { pid: 0, startTime: "0", bootId: "" };

/**
 * Makes what the database says of paths and of processes true of the directory it is in now. A copy of a storage was
 * written by processes that may well be alive, at work on the original: nothing of theirs is the copy's.
 */
export function settlePlace(database: DatabaseSync, root: string): Whereabouts {
  const inode = String(statSync(root, { bigint: true }).ino);
  return transaction(database, () => {
    const known = database.prepare("SELECT root, inode FROM place").get();
    if (known?.root === root && known.inode === inode) return "here";
    database.exec("DELETE FROM place");
    database.prepare("INSERT INTO place (root, inode) VALUES (?, ?)").run(root, inode);
    if (!known) return "here";
    movePaths(database, { from: `${known.root}/`, to: `${root}/` });
    if (known.inode === inode) return "moved";
    database.exec("DELETE FROM leases");
    // In another place they bear the original's names; brought back to its own, they are this storage's to take back.
    if (known.root !== root) database.exec("DELETE FROM cni_attachments");
    database
      .prepare("UPDATE resources SET owner = ? WHERE substr(owner, 1, 8) = 'process:'")
      .run(processOwner(NOBODY));
    return "copied";
  });
}

function movePaths(database: DatabaseSync, { from, to }: { from: string; to: string }): void {
  database
    .prepare(
      "UPDATE OR REPLACE resources SET locator = ? || substr(locator, ?) WHERE substr(locator, 1, ?) = ?",
    )
    .run(to, from.length + 1, from.length, from);
}
