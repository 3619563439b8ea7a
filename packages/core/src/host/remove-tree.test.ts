import { existsSync, mkdirSync, watch, writeFileSync } from "node:fs";
import { temporaryDirectory } from "@bandsox/testkit";
import { expect, test } from "vitest";
import { removeTree } from "./remove-tree.ts";

const FILES = 300;
const ROUNDS = 5;

test("a directory that something still writes into is removed once that ends", async () => {
  await using directory = await temporaryDirectory();
  for (let round = 0; round < ROUNDS; round++) {
    const dir = `${directory.path}/${round}`;
    mkdirSync(dir);
    for (let file = 0; file < FILES; file++) writeFileSync(`${dir}/${file}`, "");
    using _writer = writeWhileRemoved(dir);
    await removeTree(dir);
    expect(existsSync(dir)).toBe(false);
  }
});

/** Writes a file for each of the first that are removed. */
function writeWhileRemoved(dir: string): Disposable {
  let written = 0;
  const watcher = watch(dir, () => {
    if (written < FILES && existsSync(dir)) writeFileSync(`${dir}/late-${written++}`, "");
  });
  return { [Symbol.dispose]: () => watcher.close() };
}
