import { existsSync } from "node:fs";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { localCommand } from "../args/common-options.ts";
import type { CliContext } from "../context.ts";
import { EXIT, ExitWith } from "../exit-codes.ts";
import { tell } from "../print/tell.ts";
import { startOwnProgram } from "./own-program.ts";

/** Where the suite is: beside this file's bundle in an installed package, else in the repository. */
const PLACES = ["../bench/main.js", "../../bench/main.ts", "../../../../bench/main.ts"];

/** `bandsox bench`: measures this machine. */
export function benchCommand(context: CliContext) {
  return localCommand("bench")
    .description(
      "measure BandSox on this machine, in a storage of its own; each figure beside what bounds it",
    )
    .argument("[ids...]", "benchmarks, e.g. B02 B13 (default: all, which takes half an hour or so)")
    .option("--quick", "small sizes and few runs: to see that it works, not for figures")
    .option("--engine <name>", "qemu or firecracker (default: as for new VMs)")
    .option("--out <file>", "where every sample is written as JSON (default: nowhere)")
    .addHelpText("after", "\nExamples:\n  bandsox bench B02\n  bandsox bench --out bench.json")
    .action(async (ids, { quick, engine, out, ...options }) => {
      await using scratch = await mkdtempDisposable(join(tmpdir(), "bandsox-bench-"));
      const file = resolve(out ?? join(scratch.path, "figures.json"));
      const args = [
        ...ids,
        ...["--out", file, "--table", join(scratch.path, "table.md")],
        ...(quick ? ["--quick"] : []),
        ...(engine === undefined ? [] : ["--engine", engine]),
      ];
      const main = PLACES.map((place) => resolve(import.meta.dirname, place)).find(existsSync);
      if (main === undefined) throw new Error("the benchmarks are not where this program is");
      const storage = options.storage === undefined ? {} : { BANDSOX_STORAGE: options.storage };
      const { ended } = startOwnProgram(context, [main, ...args], {
        env: { ...context.env, ...storage },
        stdio: ["ignore", "ignore", options.quiet ? "ignore" : "inherit"],
      });
      const [code] = await ended;
      if (code !== 0) throw new ExitWith(code ?? EXIT.failed);
      const figures = JSON.parse(await readFile(file, "utf8"));
      const table = await readFile(join(scratch.path, "table.md"), "utf8");
      await tell(context, options, { json: figures, text: table });
    });
}
