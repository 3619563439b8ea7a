import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quantile, rate, timed } from "../figure.ts";
import { markdown, round } from "../table.ts";
import type { Machine, System } from "./system.ts";

export interface Extent {
  readonly rounds: number;
  readonly commands: number;
  readonly mebibytes: number;
}

/** What one system came to in each round. */
export interface Result {
  readonly system: string;
  readonly version: string;
  readonly firstOutputMs: number[];
  readonly commandMs: number[];
  readonly upMibS: number[];
  readonly downMibS: number[];
}

/** Measures systems turn by turn, so that what else the machine does falls on all alike; who begins changes each round. */
export async function sideBySide(
  systems: readonly System[],
  { rootDir, dir, extent }: { rootDir: string; dir: string; extent: Extent },
): Promise<Result[]> {
  const results = systems.map(({ name, version }): Result => {
    return { system: name, version, firstOutputMs: [], commandMs: [], upMibS: [], downMibS: [] };
  });
  const turns = systems.map((system, index) => ({ system, result: results[index] }));
  for (let turn = 0; turn <= extent.rounds; turn++) {
    for (const { system, result } of turn % 2 ? turns.toReversed() : turns) {
      process.stderr.write(`round ${turn} of ${extent.rounds}: ${system.name}\n`);
      const measured = await measure(system, { rootDir, dir, extent });
      if (turn > 0 && result) add(result, measured); // the first fills caches and takes goldens
    }
  }
  return results;
}

type Measured = { [Key in "firstOutputMs" | "commandMs" | "upMibS" | "downMibS"]: number };

function add(result: Result, measured: Measured): void {
  for (const key of Object.keys(measured) as (keyof Measured)[]) result[key].push(measured[key]);
}

async function measure(
  system: System,
  { rootDir, dir, extent }: { rootDir: string; dir: string; extent: Extent },
): Promise<Measured> {
  let machine: Machine | undefined;
  try {
    const firstOutputMs = await timed(async () => {
      machine = await system.create(rootDir);
      expectSame(await machine.run(["/bin/echo", "ok"]), "ok\n");
    });
    const here = machine as unknown as Machine;
    const times: number[] = [];
    for (let run = 0; run < extent.commands; run++) times.push(await timed(() => here.run(["/bin/true"])));
    return {
      firstOutputMs,
      commandMs: quantile(times, 0.5),
      ...(await bothWays(here, dir, extent.mebibytes)),
    };
  } finally {
    await machine?.remove();
  }
}

async function bothWays(machine: Machine, dir: string, mebibytes: number) {
  const [there, back] = [join(dir, "there"), join(dir, "back")];
  const content = randomBytes(mebibytes * 1024 * 1024);
  await writeFile(there, content);
  const upMibS = rate(content.length, await timed(() => machine.upload(there, "/tmp-file")));
  const downMibS = rate(content.length, await timed(() => machine.download("/tmp-file", back)));
  const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  expectSame(digest(await readFile(back)), digest(content));
  return { upMibS, downMibS };
}

function expectSame(got: string, wanted: string): void {
  if (got !== wanted)
    throw new Error(`got ${JSON.stringify(got)} where ${JSON.stringify(wanted)} was to come`);
}

const ROWS: readonly [string, string, keyof Measured, string][] = [
  ["B04", "create to first output", "firstOutputMs", "ms"],
  ["B10", "/bin/true", "commandMs", "ms"],
  ["B13", "a file up", "upMibS", "MiB/s"],
  ["B13", "the file down", "downMibS", "MiB/s"],
];

/** Medians of all systems as a Markdown table. */
export function peerTable(results: readonly Result[]): string {
  const head = ["", "p50", ...results.map(({ system, version }) => `${system} ${version}`)];
  const rows = ROWS.map(([id, what, key, unit]) => [
    id,
    what,
    ...results.map((result) => `${round(quantile(result[key], 0.5))} ${unit}`),
  ]);
  return markdown(head, rows);
}
