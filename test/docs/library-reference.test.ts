import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { temporaryDirectory } from "@bandsox/testkit";
import { execa } from "execa";
import { expect, test } from "vitest";

const REPOSITORY = resolve(import.meta.dirname, "../..");

test("the page that describes the library is up to date: `npm run docs` writes it", async () => {
  await using directory = await temporaryDirectory();
  await execa("typedoc", ["--out", directory.path], { cwd: REPOSITORY, preferLocal: true });
  const page = await readFile(join(directory.path, "library.md"), "utf8");
  expect(page).toContain("### BandSox\n");
  const written = await readFile(join(REPOSITORY, "docs/api/library.md"), "utf8");
  expect(words(page)).toEqual(words(written));
}, 120_000);

/** What a page says, in any order: in which order the compiler tells the members of a union depends on what it saw first. */
function words(page: string): string[] {
  return page.split(/[\s|\\`;<>]+/).sort();
}
