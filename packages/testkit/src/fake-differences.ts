import { copyFile, readFile, writeFile } from "node:fs/promises";
import { BandSoxError } from "@bandsox/contract";
import type { Differences } from "@bandsox/core/ports";

/** Differences that are the whole file, or nothing where there is none. */
export function fakeDifferences(): Differences {
  return {
    write: async (file, { base, difference }) => {
      const [ours, theirs] = [await readFile(file), await readFile(base)];
      await writeFile(difference, ours.equals(theirs) ? "" : ours, { flag: "wx" });
    },
    apply: async ({ base, difference }, file) => {
      const kept = await readFile(difference);
      const size = (await readFile(base)).length;
      if (kept.length > 0 && kept.length !== size)
        throw new BandSoxError("snapshot_invalid", `${difference} is no difference`, {
          reference: difference,
        });
      await copyFile(kept.length === 0 ? base : difference, file);
    },
  };
}
