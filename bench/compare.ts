// Compares the rounds of scripts/bench-ab.sh: the directory with `here-<round>.json` and `there-<round>.json`, and what
// the other side is called. A table on stdout, the same as JSON in build/bench.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Compared, comparison, comparisonTable, type Round } from "./comparison.ts";

const OUT = resolve(import.meta.dirname, "../build/bench");

const [dir = "", peer = ""] = process.argv.slice(2);
const files = await readdir(dir);
const roundsOf = (side: string): Promise<Round[]> =>
  Promise.all(
    files
      .filter((file) => file.startsWith(`${side}-`) && file.endsWith(".json"))
      .toSorted()
      .map(async (file) => JSON.parse(await readFile(join(dir, file), "utf8")) as Round),
  );
const [here, there] = await Promise.all([roundsOf("here"), roundsOf("there")]);
const compared: Compared[] = comparison(here, there);
await mkdir(OUT, { recursive: true });
const out = join(OUT, `against-${peer}.json`);
await writeFile(out, `${JSON.stringify({ peer, here, there, compared }, null, 2)}\n`);
process.stdout.write(`${comparisonTable(compared, { peer, rounds: here.length })}\n`);
process.stderr.write(`written to ${out}\n`);
