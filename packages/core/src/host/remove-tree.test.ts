import { existsSync, mkdirSync, watch, writeFileSync } from "node:fs";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { removeTree } from "./remove-tree.ts";

const FILES = 200;
const ROUNDS = 3;

test("a directory that something still writes into is removed once that ends", async () => {
  await using directory = await temporaryDirectory();
  for (let round = 0; round < ROUNDS; round++) {
    const dir = `${directory.path}/${round}`;
    mkdirSync(dir);
    write(dir, "early", FILES);
    using _writer = writeWhileRemoved(dir);
    await removeTree(dir);
    expect(existsSync(dir)).toBe(false);
  }
}, 30_000);

/** Writes while the first files are removed, and once more while those are: Node itself makes up for the former. */
function writeWhileRemoved(dir: string): Disposable {
  const waves = ["early", "late"];
  const watcher = watch(dir, (_event, name) => {
    if (!name?.startsWith(waves[0] ?? "-") || existsSync(`${dir}/${name}`) || !existsSync(dir)) return;
    waves.shift();
    try {
      write(dir, waves[0] ?? "last", FILES);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // the directory went in between
    }
  });
  return { [Symbol.dispose]: () => watcher.close() };
}

function write(dir: string, name: string, count: number): void {
  for (let file = 0; file < count; file++) writeFileSync(`${dir}/${name}-${file}`, "");
}
